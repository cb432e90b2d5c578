"""Tool calls: the answer has to be a call with arguments that fit."""

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
from bench.scenario import REQUESTS_PER_S
from bench.scenario import TOKENS_PER_S
from bench.scenario import WALL_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.words import words

NO_CALL = Metric("no_call", "answers without a proper call", "", Better.LOWER)


def _tool(name: str, about: str, **properties: Json) -> Json:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "function",
        "function": {"name": name, "description": about, "parameters": parameters},
    }


CITY: Json = {"enum": ["Paris", "Lima", "Oslo", "Cairo"]}
DAYS: Json = {"type": "integer", "minimum": 1, "maximum": 9}
TOOLS = (
    _tool("weather", "The weather of the next days.", city=CITY, days=DAYS),
    _tool("trains", "Trains between two cities.", start=CITY, end=CITY, direct={"type": "boolean"}),
    _tool("hotel", "Book a room.", city=CITY, nights=DAYS, stars={"enum": [1, 2, 3, 4, 5]}),
)
"""No argument is a free text, so that a model of any quality comes to an end."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Chats at once that have to call one of three tools, not streamed."""

    name: ClassVar[str] = "tools"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (REQUESTS_PER_S, TOKENS_PER_S, WALL_S, NO_CALL)

    requests: int = 16
    tokens: int = 200

    async def run(self, server: Client, seed: int) -> Outcome:
        """A call is required; which one is the model's choice."""
        start_s = time.perf_counter()
        bodies = [self._body(seed, i) for i in range(self.requests)]
        answers = await together(server.post(CHAT, body) for body in bodies)
        wall_s = time.perf_counter() - start_s
        n_tokens = sum(answer["usage"]["completion_tokens"] for answer in answers)
        values = {
            REQUESTS_PER_S.key: self.requests / wall_s,
            TOKENS_PER_S.key: n_tokens / wall_s,
            WALL_S.key: wall_s,
            NO_CALL.key: float(sum(not _has_call(answer) for answer in answers)),
        }
        return Outcome(values, n_tokens=n_tokens)

    def _body(self, seed: int, number: int) -> Json:
        about = words(8, seed, self.name, number)
        return {
            "messages": [user(f"Plan a journey: {about}")],
            "max_tokens": self.tokens,
            "temperature": 0,
            "tools": TOOLS,
            "tool_choice": "required",
            "parallel_tool_calls": False,
        }


def _has_call(answer: Json) -> bool:
    known = {tool["function"]["name"]: tool["function"]["parameters"] for tool in TOOLS}
    calls = answer["choices"][0]["message"].get("tool_calls") or []
    return bool(calls) and all(_fits(call["function"], known) for call in calls)


def _fits(function: Json, known: dict[str, Json]) -> bool:
    """Whether the tool exists and got the arguments that it has to have."""
    try:
        arguments = orjson.loads(function["arguments"])
    except orjson.JSONDecodeError:
        return False
    if function["name"] not in known or not isinstance(arguments, dict):
        return False
    return set(arguments) == set(known[function["name"]]["required"])
