"""Output that a JSON schema constrains."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import orjson

from bench.asking import CHAT
from bench.asking import user
from bench.client import Client
from bench.client import Json
from bench.client import together
from bench.scenario import TOKENS_PER_S
from bench.scenario import WALL_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.words import words

INVALID = Metric("invalid", "answers that are no JSON", "", Better.LOWER)


def _text(longest: int, **more: object) -> Json:
    return {"type": "string", "maxLength": longest, **more}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


BOOK: Json = _object(
    title=_text(40, minLength=3),
    year={"type": "integer", "minimum": 1500, "maximum": 2030},
    isbn=_text(13, pattern="^97[89][0-9]{10}$"),
    genres={
        "type": "array",
        "minItems": 2,
        "maxItems": 4,
        "items": {"enum": ["novel", "poetry", "history", "science"]},
    },
    publisher=_object(name=_text(30), city=_text(20)),
    chapters={"type": "array", "minItems": 3, "maxItems": 5, "items": _text(40)},
)


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """Chats at once whose answer a JSON schema of some depth prescribes, not streamed."""

    name: ClassVar[str] = "json_schema"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (TOKENS_PER_S, WALL_S, INVALID)

    requests: int = 8
    tokens: int = 400

    async def run(self, server: Client, seed: int) -> Outcome:
        """Sampled with fixed seeds, as greedy text of small models runs in circles."""
        start_s = time.perf_counter()
        answers = await together(
            server.post(CHAT, self._body(seed, i)) for i in range(self.requests)
        )
        wall_s = time.perf_counter() - start_s
        n_tokens = sum(answer["usage"]["completion_tokens"] for answer in answers)
        invalid = sum(not _is_json(a["choices"][0]["message"]["content"]) for a in answers)
        values = {
            TOKENS_PER_S.key: n_tokens / wall_s,
            WALL_S.key: wall_s,
            INVALID.key: float(invalid),
        }
        return Outcome(values, n_tokens=n_tokens)

    def _body(self, seed: int, number: int) -> Json:
        return {
            "messages": [user(f"Describe a book about: {words(5, seed, self.name, number)}")],
            "max_tokens": self.tokens,
            "temperature": 0.8,
            "seed": seed * self.requests + number,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "book", "schema": BOOK},
            },
        }


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
