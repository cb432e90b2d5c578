"""When a generation ends, and which of several reasons is named."""

from __future__ import annotations

import numpy as np
import pytest

from server.engine.generation import Generation
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.task import TokenProb

PROMPT = np.arange(3, dtype=np.int32)


def generate(
    *pieces: bytes, is_eog: bool = False, is_full: bool = False, **fields: object
) -> Generation:
    """A generation after these pieces, one a second; is_eog, is_full: at the last of them."""
    made = Generation(Task(0, PROMPT, **fields))  # type: ignore[arg-type]
    for i, piece in enumerate(pieces):
        is_last = i == len(pieces) - 1
        made.accept(i, piece, 10.0 + i, is_eog=is_eog and is_last, is_full=is_full and is_last)
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (generate(b"a", b"b"), StopType.NONE),
        (generate(b"a", b"b", n_predict=2), StopType.LIMIT),
        (generate(b"a", b"END", stop=("END",)), StopType.WORD),
        (generate(b"a", b"END", stop=("END",), n_predict=2), StopType.WORD),
        (generate(b"a", b"END", stop=("END",), is_full=True), StopType.LIMIT),
        (generate(b"a", b"", is_eog=True), StopType.EOS),
        (generate(b"a", b"", is_eog=True, n_predict=2), StopType.EOS),
        (generate(b"a", b"", is_eog=True, is_full=True), StopType.EOS),
        (generate(b"a", b"b", is_full=True), StopType.LIMIT),
        (generate(b"a\n", b"b", t_max_predict_ms=500), StopType.NONE),  # looked at in new lines
        (generate(b"a", b"b\n", t_max_predict_ms=999), StopType.LIMIT),
        (generate(b"a", b"b\n", t_max_predict_ms=1000), StopType.NONE),
        (generate(b"a", b"\n", b"  b", b"\n", b" c", n_indent=2), StopType.LIMIT),
        (generate(b"a", b"\n", b"  b", b"\n", b"  c", n_indent=2), StopType.NONE),
    ],
)
def test_the_reason_to_end(made: Generation, expected: StopType) -> None:
    assert made.stop_type is expected
    assert made.has_next_token == (expected is StopType.NONE)


def test_only_a_full_context_truncates() -> None:
    assert generate(b"a", is_full=True).truncated
    assert not generate(b"a", n_predict=1).truncated
    made = generate(b"a")
    made.truncated = True
    made.stop(StopType.LIMIT)
    assert made.truncated  # what was lost stays lost


def test_the_first_token_takes_no_time_but_is_not_free() -> None:
    assert generate().duration_ms == 0
    assert 0 < generate(b"a").duration_ms < 0.01
    assert generate(b"a", b"b", b"c").duration_ms == pytest.approx(2000)


def test_what_remains_is_counted_unless_there_is_no_limit() -> None:
    assert generate(b"a", b"b", n_predict=5).n_remaining == 3
    assert generate(b"a", b"b").n_remaining == -1
    assert Generation().n_remaining == -1


def test_tokens_are_kept_only_when_they_are_wanted() -> None:
    assert generate(b"a", b"b", return_tokens=True).tokens == [0, 1]
    assert generate(b"a", b"b").tokens == []


def test_probabilities_come_with_the_text_that_their_token_released() -> None:
    made, snowman = Generation(Task(0, PROMPT)), "☃".encode()
    for i, piece in enumerate((snowman[:1], snowman[1:])):
        prob = TokenProb(i, piece, 0.5, ())
        released = made.accept(i, piece, 1.0, is_eog=False, is_full=False, prob=prob)
    assert released == snowman
    assert [(each.id, each.piece) for each in made.probs] == [(1, snowman)]
