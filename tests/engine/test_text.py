"""UTF-8 that spans tokens and stop strings that span tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.engine.text import TextStream
from server.engine.text import incomplete_tail
from server.engine.text import partial_stop


def _push_all(stream: TextStream, data: bytes, cuts: list[int]) -> bytes:
    """Feed data in pieces that end at cuts, until a stop string; what came out."""
    out = b""
    bounds = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    start = 0
    for end in bounds:
        if end == start:
            continue
        out += stream.push(data[start:end]) or b""
        start = end
        if stream.stopping_word:
            break
    return out


@given(st.text(), st.lists(st.integers(0, 60)))
def test_any_split_of_a_text_comes_out_whole(text: str, cuts: list[int]) -> None:
    stream = TextStream()
    out = _push_all(stream, text.encode(), cuts)
    assert (out + stream.flush()).decode() == text == stream.text()


@given(st.text(), st.lists(st.integers(0, 60)))
def test_released_bytes_are_always_whole_characters(text: str, cuts: list[int]) -> None:
    data = text.encode()
    stream = TextStream()
    start = 0
    for end in sorted({min(cut, len(data)) for cut in cuts}):
        (stream.push(data[start:end]) or b"").decode()
        start = end


@given(
    st.text("ab", max_size=12), st.text("ab", min_size=1, max_size=3), st.lists(st.integers(0, 12))
)
def test_a_stop_string_ends_the_text_however_it_is_split(
    text: str, stop: str, cuts: list[int]
) -> None:
    stream = TextStream([stop])
    out = _push_all(stream, text.encode(), cuts) + stream.flush()
    # a piece may complete several occurrences: the earliest one counts
    expected = text.split(stop, 1)[0]
    assert out.decode() == expected
    assert bool(stream.stopping_word) == (stop in text)


@given(
    st.text("abé€", max_size=12),
    st.text("abé", min_size=1, max_size=3),
    st.lists(st.integers(0, 24)),
)
def test_a_stop_string_counts_beside_an_unfinished_character(
    text: str, stop: str, cuts: list[int]
) -> None:
    stream = TextStream([stop])
    out = _push_all(stream, text.encode(), cuts) + stream.flush()
    assert out.decode() == text.split(stop, 1)[0]


def test_text_that_may_begin_a_stop_string_is_held_back() -> None:
    stream = TextStream(["<end>"])
    assert stream.push(b"hello <e") == b""
    assert stream.push(b"ast>") == b"hello <east>"


def test_held_back_text_is_due_when_the_generation_ends() -> None:
    stream = TextStream(["<end>"])
    stream.push(b"a <en")
    assert stream.flush() == b"a <en"


def test_an_end_of_generation_token_releases_what_was_held_back() -> None:
    stream = TextStream(["<end>"])
    stream.push(b"a <en")
    assert stream.push(b"", is_eog=True) == b"a <en"


def test_the_earliest_of_several_stop_strings_counts() -> None:
    stream = TextStream(["world", "lo"])
    assert stream.push(b"hello world") == b"hel"
    assert stream.stopping_word == "lo"


def test_an_empty_stop_string_is_ignored() -> None:
    stream = TextStream([""])
    assert stream.push(b"text") == b"text"


def test_bytes_that_are_no_utf8_are_replaced_not_held_for_ever() -> None:
    stream = TextStream()
    assert stream.push(b"\xff") == b"\xff"
    assert stream.push(b"\x80\x80\x80\x80\x80") is not None
    assert stream.text().startswith("\N{REPLACEMENT CHARACTER}")


def test_incomplete_tail_counts_the_bytes_of_an_unfinished_character() -> None:
    snowman, emoji = "☃".encode(), "🙂".encode()
    assert [incomplete_tail(snowman[:n]) for n in range(4)] == [0, 1, 2, 0]
    assert [incomplete_tail(b"x" + emoji[:n]) for n in range(5)] == [0, 1, 2, 3, 0]


def test_partial_stop_needs_a_proper_beginning() -> None:
    assert partial_stop(b"ab", [b"bc"])
    assert not partial_stop(b"bc", [b"bc"])
    assert not partial_stop(b"ac", [b"bc"])
