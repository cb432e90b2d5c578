"""Whether two servers may be compared: they have to say the same.

Greedy text for scenarios that generate, directions of vectors for embeddings, scores for ranking. A
server that answers
faster and something else is not faster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.asking import CHAT
from bench.asking import EMBEDDINGS
from bench.asking import RERANK
from bench.asking import chat
from bench.asking import ranking
from bench.asking import user
from bench.client import Client
from bench.errors import ServersDiffer
from bench.scenario import Answer

QUESTIONS = ("Name three rivers and a city on each.", "Tell a short story about a lighthouse.")
N_TOKENS = 24
LEAST_COSINE = 0.999
MOST_APART = 0.01  # of the larger score
OVERRIDE = "--different-text measures nevertheless"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one server answers to QUESTIONS: texts, vectors or scores."""

    texts: tuple[str, ...] = ()
    vectors: tuple[tuple[float, ...], ...] = ()
    scores: tuple[float, ...] = ()  # in the order of the documents


async def sample(server: Client, answer: Answer) -> Sample:
    """Ask; ScenarioFailed if the server cannot answer so."""
    if answer is Answer.VECTORS:
        said = await server.post(EMBEDDINGS, {"input": list(QUESTIONS)})
        return Sample(vectors=tuple(tuple(each["embedding"]) for each in said["data"]))
    if answer is Answer.SCORES:
        said = await server.post(RERANK, ranking("A city on a river", QUESTIONS))
        ranked = sorted(said["results"], key=lambda each: int(each["index"]))
        return Sample(scores=tuple(float(each["relevance_score"]) for each in ranked))
    bodies = [chat(user(question), tokens=N_TOKENS) for question in QUESTIONS]
    return Sample(texts=tuple([(await server.stream(CHAT, body)).text for body in bodies]))


def compare(a: Sample, b: Sample) -> None:
    """ServersDiffer if the two do not agree."""
    for text_a, text_b in zip(a.texts, b.texts, strict=True):
        if text_a != text_b:
            raise ServersDiffer(
                "the servers give different text at temperature 0, so they do not do the same "
                f"work ({OVERRIDE})\nA: {text_a!r}\nB: {text_b!r}"
            )
    for vector_a, vector_b in zip(a.vectors, b.vectors, strict=True):
        similarity = cosine(vector_a, vector_b)
        if not similarity >= LEAST_COSINE:
            raise ServersDiffer(
                f"the servers give different vectors for one text: cosine {similarity:.4f}, "
                f"at least {LEAST_COSINE} expected ({OVERRIDE})"
            )
    for score_a, score_b in zip(a.scores, b.scores, strict=True):
        if not math.isclose(score_a, score_b, rel_tol=MOST_APART, abs_tol=MOST_APART):
            raise ServersDiffer(
                f"the servers give different scores for one document: {score_a:.4f} and "
                f"{score_b:.4f} ({OVERRIDE})"
            )


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """nan for vectors of different length or without a direction."""
    lengths = math.hypot(*a) * math.hypot(*b)
    if len(a) != len(b) or not lengths:
        return math.nan
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths
