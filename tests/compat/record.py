"""Asks llama.cpp's own server everything in the corpus and writes the vectors.

    python -m tests.compat.record [shapes] [texts] [tiny|stories|smollm2 ...] [fresh]

Run by hand where the corpus or the pinned source has changed. The reference is found by
`reference.py`. Texts are recorded only if the reference itself gives them under options that
change the order of its additions, and with the builds of libggml-cpu in the folders that
LLAMACTL_REFERENCE_LIBRARIES names, so that they hold on other machines; see `divergence.py`.
Finding such texts takes minutes, so those of unchanged settings are kept, unless `fresh` is asked.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.compat import reference
from tests.compat import stored
from tests.compat.cases.sampling import SETTINGS
from tests.compat.divergence import Setting
from tests.compat.divergence import distributions
from tests.compat.divergence import first_difference
from tests.compat.divergence import packed
from tests.compat.divergence import setting_of
from tests.compat.divergence import with_probabilities
from tests.compat.exchange import ask
from tests.compat.profiles import SHAPES
from tests.compat.profiles import TEXT_PROFILES
from tests.compat.profiles import ShapeProfile
from tests.compat.profiles import TextProfile
from tests.compat.profiles import model_path
from tests.compat.profiles import tiny_digest
from tests.e2e.live import LiveServer

SEEDS = range(42, 442)
ENOUGH_SEEDS = 102
"""From this seed on, a text that is stable for MIN_PREDICT tokens is taken, and cut."""

MIN_PREDICT = 4
OTHER_SUMS = (("-fa", "off"), ("--no-repack",), ("-ctk", "f16", "-ctv", "f16"))
"""Options that change how the reference adds up, but not what."""

Json = Any


def record_shapes(profile: ShapeProfile, folder: Path) -> None:
    """Write the groups of one profile."""
    model = model_path(profile.model, folder)
    if model is None:
        print(f"{profile.model}: the model is absent, its vectors stay as they are")
        return
    with _running(model, profile.options_in(folder), folder) as server:
        for group, cases in profile.groups:
            vectors = []
            for case in cases:
                answer = _portable(ask(server.url, case), folder)
                vectors.append({"name": case.name, "requests": case.to_json(), "answer": answer})
            stored.save(group, vectors)
            print(f"{group}: {len(vectors)} answers")


def _portable(answer: Json, folder: Path) -> Json:
    """Without the name of a folder that is gone after the recording."""
    return json.loads(json.dumps(answer).replace(str(folder), "{folder}"))


def record_texts(profile: TextProfile, folder: Path, kept: Mapping[str, Json]) -> None:
    """Write the texts of one model. kept: vectors that need no recording."""
    model = model_path(profile.name, folder)
    if model is None:
        print(f"{profile.name}: the model is absent, its vectors stay as they are")
        return
    with ExitStack() as stack:
        first = stack.enter_context(_running(model, profile.options, folder))
        others = [
            stack.enter_context(_running(model, profile.options, folder, libraries))
            for libraries in reference.other_libraries()
        ]
        others += [
            stack.enter_context(_running(model, (*profile.options, *options), folder))
            for options in OTHER_SUMS
        ]
        vectors: list[Json] = []
        stack.callback(lambda: stored.save(f"text-{profile.name}", vectors))
        for setting in SETTINGS:
            vector = kept.get(setting.name)
            vectors.append(vector or _text_vector(setting, profile.n_predict, first, others))
    print(f"{profile.name}: {len(vectors)} texts")


def unchanged_texts(profile: TextProfile) -> dict[str, Json]:
    """The stored vectors of settings that are as they were."""
    path = stored.FOLDER / f"text-{profile.name}.json"
    vectors = stored.load_cases(f"text-{profile.name}") if path.is_file() else {}
    bodies = {setting.name: setting.body for setting in SETTINGS}
    return {name: v for name, v in vectors.items() if setting_of(v) == bodies.get(name)}


def _text_vector(
    setting: Setting, n_predict: int, first: LiveServer, others: Sequence[LiveServer]
) -> Json:
    """A vector on which all servers agree: from the first seed where they do to the end, or cut."""
    longest, best = MIN_PREDICT - 1, {}
    for seed in [0] if setting.is_greedy else SEEDS:
        body = {**setting.body, "n_predict": n_predict, "seed": seed, "return_tokens": True}
        agreed = _agreed(body, first, others, longest)
        if agreed > longest:
            longest, best = agreed, body
        if agreed >= n_predict or (best and seed >= ENOUGH_SEEDS):
            break
    if not best:
        raise SystemExit(f"{setting.name}: no seed gives a text that is stable")
    if longest < n_predict:
        print(f"{setting.name}: cut to {longest} tokens")
        best["n_predict"] = longest
    del best["return_tokens"]
    return _recorded(setting, best, first)


def _agreed(body: Json, first: LiveServer, others: Sequence[LiveServer], longest: int) -> int:
    """How many tokens all servers have in common; n_predict if everything is equal.

    Asks no further once it is not more than `longest`.
    """
    answer = _completion(first, body)
    agreed: int = body["n_predict"]
    for other in others:
        theirs = _completion(other, body)
        if theirs["content"] != answer["content"]:
            agreed = min(agreed, first_difference(answer["tokens"], theirs["tokens"]))
        if agreed <= longest:
            break
    return agreed


def _recorded(setting: Setting, body: Json, server: LiveServer) -> Json:
    plain = _completion(server, body)
    judged = _completion(server, with_probabilities(body, setting.is_greedy))
    assert plain["content"] == judged["content"], f"{setting.name}: n_probs changes the text"
    return {
        "name": setting.name,
        "body": body,
        "text": plain["content"],
        "stop_type": plain["stop_type"],
        "stopping_word": plain["stopping_word"],
        "tokens_evaluated": plain["tokens_evaluated"],
        "tokens": judged["tokens"],
        "top": [packed(row) for row in distributions(judged, setting.is_greedy)],
    }


def _completion(server: LiveServer, body: Json) -> Json:
    reply = server.post("/completion", body)
    assert reply.status == 200, (body, reply)
    return reply.json


@contextmanager
def _running(
    model: Path, options: Sequence[str], folder: Path, libraries: str | None = None
) -> Iterator[LiveServer]:
    server = reference.start(model, options, folder / "reference.log", libraries)
    try:
        yield server
    finally:
        server.kill()


def main(wanted: Sequence[str]) -> None:
    """Record what is named, or everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        everything = not set(wanted) - {"fresh"}
        if everything or "shapes" in wanted:
            for shapes in SHAPES:
                record_shapes(shapes, folder)
        for texts in TEXT_PROFILES:
            if everything or "texts" in wanted or texts.name in wanted:
                kept = {} if "fresh" in wanted else unchanged_texts(texts)
                record_texts(texts, folder, kept)
    stored.save("tiny-model", [tiny_digest()])


if __name__ == "__main__":
    main(sys.argv[1:])
