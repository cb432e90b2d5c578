"""Kept streams by themselves: places, ids of events, bounds, ages, readers and writers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api.errors import Unavailable
from server.api.replay import KeptStream
from server.api.replay import KeptStreams
from server.api.replay import Limits
from tests.api.replies import parts

WAIT_S = 5.0


class Writer:
    """Chunks that a test brings one by one."""

    def __init__(self) -> None:
        self._chunks: SimpleQueue[bytes | None] = SimpleQueue()
        self.is_cancelled = threading.Event()

    def chunks(self) -> Iterator[bytes]:
        while (chunk := self._chunks.get(timeout=WAIT_S)) is not None:
            yield chunk

    def write(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self._chunks.put(chunk)

    def end(self) -> None:
        self._chunks.put(None)

    def cancel(self) -> None:
        self.is_cancelled.set()
        self.end()


def stays() -> bool:
    return False


def stream_of(*chunks: bytes) -> KeptStream:
    """A stream that ended."""
    stream = KeptStream("a", lambda: None)
    for chunk in chunks:
        stream.append(chunk)
    stream.finish()
    return stream


def all_from(stream: KeptStream, place: int) -> bytes:
    return b"".join(stream.read(place, stays, None))


def ended(streams: KeptStreams, key: str, *chunks: bytes) -> KeptStream:
    """Keep a stream and wait until it is written."""
    stream = streams.start(key, iter(chunks), lambda: None)
    all_from(stream, stream.n_dropped)
    return stream


def event(n: int) -> bytes:
    return b"data: %d\n\n" % n


def test_each_event_has_the_place_behind_it_as_its_id_and_comments_have_none() -> None:
    stream = stream_of(b":\n\n", event(1), event(2) + b"data: [DONE]\n\n")
    everything = all_from(stream, 0)
    found = parts(everything)
    assert [part.partition(b"\n")[2] or part for part in found] == [
        b":",
        b"data: 1",
        b"data: 2",
        b"data: [DONE]",
    ]
    for i, part in enumerate(found[1:], 1):
        place = int(part.partition(b"\n")[0].removeprefix(b"id: "))
        assert everything[:place] == b"".join(part + b"\n\n" for part in found[: i + 1])


@given(st.lists(st.binary(min_size=1).map(lambda raw: b"data: " + raw.hex().encode() + b"\n\n")))
def test_from_any_event_the_rest_follows(chunks: list[bytes]) -> None:
    stream = stream_of(*chunks)
    everything = all_from(stream, 0)
    assert stream.n_total == len(everything)
    place = 0
    for chunk in chunks:
        rest = all_from(stream, place)
        assert rest == everything[place:]
        tag, _, payload = rest.partition(b"\n")
        assert payload.startswith(chunk)
        place = int(tag.removeprefix(b"id: "))
    assert place == len(everything)


def test_a_reader_gets_what_comes_and_the_end() -> None:
    writer, streams = Writer(), KeptStreams()
    stream = streams.start("a", writer.chunks(), writer.cancel)
    chunks = stream.read(0, stays, None)
    writer.write(event(1))
    assert next(chunks).endswith(event(1))
    writer.write(event(2))
    writer.end()
    assert b"".join(chunks).endswith(event(2))


def test_several_readers_get_the_same() -> None:
    writer, streams = Writer(), KeptStreams()
    stream = streams.start("a", writer.chunks(), writer.cancel)
    results: SimpleQueue[bytes] = SimpleQueue()
    readers = [threading.Thread(target=lambda: results.put(all_from(stream, 0))) for _ in range(4)]
    for reader in readers:
        reader.start()
    writer.write(*map(event, range(50)))
    writer.end()
    for reader in readers:
        reader.join(WAIT_S)
    assert {results.get(timeout=WAIT_S) for _ in readers} == {all_from(stream, 0)}
    assert not stream.is_read


def test_a_reader_whose_client_is_gone_ends_and_the_stream_goes_on() -> None:
    writer, streams, is_gone = Writer(), KeptStreams(), threading.Event()
    stream = streams.start("a", writer.chunks(), writer.cancel)
    reader = threading.Thread(target=lambda: [*stream.read(0, is_gone.is_set, None)])
    reader.start()
    is_gone.set()
    stream.wake()
    reader.join(WAIT_S)
    assert not reader.is_alive() and not writer.is_cancelled.is_set()
    writer.write(event(1))
    writer.end()
    assert all_from(stream, 0).endswith(event(1))


def test_the_oldest_events_of_a_long_stream_go_and_whole_ones_stay() -> None:
    streams = KeptStreams(Limits(stream_bytes=100))
    stream = ended(streams, "a", *map(event, range(100)))
    assert stream.n_kept <= 100 and stream.n_dropped > 0
    assert stream.n_dropped + stream.n_kept == stream.n_total
    assert all_from(stream, stream.n_dropped).startswith(b"id: ")
    assert all_from(stream, stream.n_dropped).endswith(event(99))


def test_a_reader_that_is_too_slow_is_told() -> None:
    stream = stream_of(*map(event, range(100)))
    chunks = stream.read(0, stays, None)
    stream.drop(50)
    assert b"Stream offset lost" in b"".join(chunks)


def test_a_single_event_over_the_bound_is_not_kept() -> None:
    streams = KeptStreams(Limits(stream_bytes=100))
    stream = ended(streams, "a", b"data: " + b"x" * 500 + b"\n\n")
    assert (stream.n_kept, stream.n_dropped) == (0, stream.n_total)


def test_all_streams_together_are_bounded_and_those_that_ended_first_go_first() -> None:
    big = b"data: " + b"x" * 20_000 + b"\n\n"
    streams = KeptStreams(Limits(total_bytes=70_000))
    for key in "abcde":
        ended(streams, key, big)
    kept = [key for key in "abcde" if streams.get(key)]
    assert kept == ["c", "d", "e"]


def test_a_stream_that_alone_is_over_the_sum_loses_its_beginning() -> None:
    big = b"data: " + b"x" * 20_000 + b"\n\n"
    streams = KeptStreams(Limits(total_bytes=50_000))
    stream = ended(streams, "a", big, big, big)
    assert stream.n_kept <= 50_000 and all_from(stream, stream.n_dropped).endswith(big)


def test_a_newer_stream_of_a_conversation_ends_the_older_one() -> None:
    first, second, streams = Writer(), Writer(), KeptStreams()
    old = streams.start("a", first.chunks(), first.cancel)
    new = streams.start("a", second.chunks(), second.cancel)
    assert first.is_cancelled.is_set() and old.is_done
    assert streams.get("a") is new and not new.is_done
    second.end()


def test_discarding_ends_the_generation_and_its_readers() -> None:
    writer, streams = Writer(), KeptStreams()
    stream = streams.start("a", writer.chunks(), writer.cancel)
    reader = threading.Thread(target=lambda: all_from(stream, 0))
    reader.start()
    streams.discard("a")
    reader.join(WAIT_S)
    assert writer.is_cancelled.is_set() and not reader.is_alive()
    assert streams.get("a") is None
    streams.discard("a")


def test_too_many_running_streams_are_refused_but_ended_ones_make_place() -> None:
    streams = KeptStreams(Limits(n_streams=2))
    writers = [Writer(), Writer()]
    ended(streams, "old", event(1))
    for i, writer in enumerate(writers):
        streams.start(str(i), writer.chunks(), writer.cancel)
    assert streams.get("old") is None
    with pytest.raises(Unavailable, match="DELETE /v1/stream"):
        streams.start("more", iter(()), lambda: None)
    assert streams.get("0") and streams.get("1")
    for writer in writers:
        writer.end()


def test_what_ended_long_ago_is_forgotten() -> None:
    streams = KeptStreams(Limits(kept_s=300))
    stream = ended(streams, "a", event(1))
    streams.sweep(stream.quiet_since + 299)
    assert streams.get("a") is stream
    streams.sweep(stream.quiet_since + 301)
    assert streams.get("a") is None


def test_what_nobody_reads_for_long_is_cancelled_but_not_what_is_read() -> None:
    writer, streams = Writer(), KeptStreams(Limits(unread_s=900))
    stream = streams.start("a", writer.chunks(), writer.cancel)
    chunks = stream.read(0, stays, None)
    writer.write(event(1))
    next(chunks)
    streams.sweep(time.monotonic() + 1000)
    assert not stream.is_done
    chunks.close()  # type: ignore[attr-defined]
    streams.sweep(stream.quiet_since + 899)
    assert not stream.is_done
    streams.sweep(stream.quiet_since + 901)
    assert stream.is_done and writer.is_cancelled.is_set()


def test_the_sweeper_works_by_itself_and_ends_with_the_last_stream() -> None:
    streams = KeptStreams(Limits(kept_s=0, sweep_s=0.001))
    ended(streams, "a", event(1))
    sweeper = next((t for t in threading.enumerate() if t.name == "sweep"), None)
    if sweeper is not None:
        sweeper.join(WAIT_S)
    assert streams.get("a") is None
    ended(streams, "b", event(1))


def test_streams_are_found_by_their_key_and_by_what_stands_before_the_model() -> None:
    streams = KeptStreams()
    for key in ("a", "a::model", "b::model::x", "ab"):
        ended(streams, key, event(1))
    assert [s.key for s in streams.matching(["a", "b", "nothing", "a"])] == [
        "a",
        "a::model",
        "b::model::x",
    ]
    assert [s.key for s in streams.matching(["b::model"])] == ["b::model::x"]
    assert streams.matching(["", "::"]) == []
