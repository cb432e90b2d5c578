"""A streamed answer: what came, when it came, and what it adds up to.

While it runs, only times and bytes are kept, because reading JSON would take the processor from
the server that is being measured; `digest` reads it afterwards. It knows the stream chunks of
`/v1/chat/completions` and `/v1/completions`, and opens no connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from bench.errors import ScenarioFailed

DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event's payload and the time.perf_counter() of its arrival."""

    at_s: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class RawStream:
    """A streamed answer as it came."""

    start_s: float
    end_s: float
    arrivals: tuple[Arrival, ...]
    is_cut: bool  # by this side


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed answer, read."""

    text: str
    ttft_s: float | None  # from the request to the first text; None if none came
    gaps_s: tuple[float, ...]  # between pieces of text
    total_s: float
    n_tokens: int  # as the server counts them, else the pieces of text
    n_prompt: int
    n_cached: int | None  # None: the server does not say
    is_finished: bool
    start_s: float = 0.0  # time.perf_counter() of the request

    @property
    def tokens_per_s(self) -> float:
        """The rate after the first token; nan of fewer than two."""
        elapsed_s = sum(self.gaps_s)
        return (self.n_tokens - 1) / elapsed_s if elapsed_s else float("nan")


def piece_of(payload: bytes) -> str:
    """The text that an event carries, visible or reasoning; empty if it carries none."""
    return "" if payload == DONE else _piece(orjson.loads(payload))


def digest(raw: RawStream) -> Stream:
    """Read a stream; ScenarioFailed if it holds an error or breaks off."""
    pieces: list[str] = []
    times: list[float] = []
    last: dict[str, Any] = {}
    is_finished = False
    for arrival in raw.arrivals:
        if arrival.payload == DONE:
            is_finished = True
            continue
        event = _event(arrival.payload)
        last |= {key: event[key] for key in ("usage", "timings") if event.get(key)}
        is_finished = is_finished or _is_final(event)
        if piece := _piece(event):
            pieces.append(piece)
            times.append(arrival.at_s)
    if not (is_finished or raw.is_cut):
        raise ScenarioFailed("a stream ended before the server had finished it")
    return Stream(
        text="".join(pieces),
        ttft_s=times[0] - raw.start_s if times else None,
        gaps_s=tuple(after - before for before, after in pairwise(times)),
        total_s=raw.end_s - raw.start_s,
        n_tokens=_n_tokens(last, len(pieces)),
        n_prompt=int(last.get("usage", {}).get("prompt_tokens", 0)),
        n_cached=_cached(last),
        is_finished=is_finished,
        start_s=raw.start_s,
    )


def tokens_of(streams: Sequence[Stream]) -> int:
    """All tokens that the streams generated."""
    return sum(stream.n_tokens for stream in streams)


def _event(payload: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ScenarioFailed(f"a stream holds what is no JSON: {payload[:100]!r}") from error
    if not isinstance(event, dict):
        raise ScenarioFailed(f"a stream holds what is no object: {payload[:100]!r}")
    if event.get("error"):
        raise ScenarioFailed(f"error in a stream: {payload[:300].decode(errors='replace')}")
    return event


def _piece(event: dict[str, Any]) -> str:
    choices = event.get("choices") or [{}]
    delta = choices[0].get("delta") or choices[0]
    return delta.get("content") or delta.get("reasoning_content") or delta.get("text") or ""


def _is_final(event: dict[str, Any]) -> bool:
    return any(choice.get("finish_reason") for choice in event.get("choices") or ())


def _n_tokens(last: dict[str, Any], otherwise: int) -> int:
    """OpenAI's place for it first, then llama-server's."""
    in_timings = last.get("timings", {}).get("predicted_n", otherwise)
    return int(last.get("usage", {}).get("completion_tokens", in_timings))


def _cached(last: dict[str, Any]) -> int | None:
    """OpenAI's place for it first, then llama-server's."""
    details = last.get("usage", {}).get("prompt_tokens_details") or {}
    found = details.get("cached_tokens", last.get("timings", {}).get("cache_n"))
    return None if found is None else int(found)
