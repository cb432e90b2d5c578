"""Server-sent events from pieces of bytes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.sse import SseParser

BODY = (
    b': ping\n\ndata: {"a": 1}\n\nevent: x\r\ndata:b\r\n\r\n'
    b"data: c\ndata: d\n\nid: 7\n\ndata: [DONE]\n\n"
)
PAYLOADS = [b'{"a": 1}', b"b", b"c\nd", b"[DONE]"]


def test_payloads_of_whole_body() -> None:
    assert SseParser().feed(BODY) == PAYLOADS


@given(st.lists(st.integers(0, len(BODY))))
def test_any_cut_gives_the_same_payloads(cuts: list[int]) -> None:
    parser = SseParser()
    edges = [0, *sorted(cuts), len(BODY)]
    pieces = [BODY[a:b] for a, b in pairwise(edges)]
    assert [payload for piece in pieces for payload in parser.feed(piece)] == PAYLOADS


def test_event_counts_only_when_its_blank_line_is_there() -> None:
    parser = SseParser()
    assert parser.feed(b"data: late\n") == []
    assert parser.feed(b"\n") == [b"late"]


def test_only_one_space_belongs_to_the_field() -> None:
    assert SseParser().feed(b"data:  two\n\n") == [b" two"]
