"""Reading a stream that has come."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bench.errors import ScenarioFailed
from bench.stream import DONE
from bench.stream import Arrival
from bench.stream import RawStream
from bench.stream import digest

START_S = 100.0


def came(*events: Any, cut: bool = False) -> RawStream:
    """Events of a stream, one every second from the first second on."""
    payloads = [each if isinstance(each, bytes) else orjson.dumps(each) for each in events]
    arrivals = tuple(Arrival(START_S + 1 + i, payload) for i, payload in enumerate(payloads))
    return RawStream(START_S, START_S + 1 + len(events), arrivals, cut)


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": fields, "finish_reason": None}]}


FINAL = {"choices": [{"delta": {}, "finish_reason": "length"}]}


def test_first_token_and_gaps_are_those_of_text() -> None:
    stream = digest(
        came(
            delta(role="assistant"), delta(content="a"), delta(content=""), delta(content="b"), DONE
        )
    )
    assert (stream.text, stream.ttft_s, stream.gaps_s) == ("ab", 2.0, (2.0,))


def test_reasoning_and_completion_text_count_as_text() -> None:
    completion = {"choices": [{"text": "c", "finish_reason": None}]}
    assert digest(came(delta(reasoning_content="r"), completion, DONE)).text == "rc"


def test_usage_counts_the_tokens() -> None:
    usage = {
        "choices": [],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
    }
    stream = digest(came(delta(content="five tokens"), FINAL, usage, DONE))
    assert (stream.n_tokens, stream.n_prompt, stream.n_cached) == (5, 9, 4)


def test_timings_count_where_there_is_no_usage() -> None:
    stream = digest(
        came(delta(content="a"), {**FINAL, "timings": {"predicted_n": 3, "cache_n": 2}})
    )
    assert (stream.n_tokens, stream.n_cached) == (3, 2)


def test_pieces_count_where_the_server_counts_nothing() -> None:
    stream = digest(came(delta(content="a"), delta(content="b"), FINAL))
    assert (stream.n_tokens, stream.n_cached) == (2, None)


def test_rate_begins_after_the_first_token() -> None:
    stream = digest(came(delta(content="a"), delta(content="b"), delta(content="c"), FINAL))
    assert stream.tokens_per_s == pytest.approx(1.0)


def test_stream_that_ends_early_is_a_failure() -> None:
    with pytest.raises(ScenarioFailed, match="ended before the server had finished"):
        digest(came(delta(content="a")))


def test_stream_that_this_side_cut_is_none() -> None:
    assert digest(came(delta(content="a"), cut=True)).is_finished is False


def test_error_event_is_a_failure_with_its_message() -> None:
    with pytest.raises(ScenarioFailed, match="slot exploded"):
        digest(came(delta(content="a"), {"error": {"message": "slot exploded"}}))


@pytest.mark.parametrize("payload", [b"not json", b"[1]"])
def test_event_that_is_no_object_is_a_failure(payload: bytes) -> None:
    with pytest.raises(ScenarioFailed, match="a stream holds what is no"):
        digest(came(payload))
