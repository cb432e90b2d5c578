"""What the engine counts, and the line that it logs for each request."""

from __future__ import annotations

import logging

import pytest

from server.engine.config import EngineConfig
from server.engine.snapshot import Counters
from server.engine.snapshot import Distribution
from server.engine.stats import Histogram
from server.engine.task import SamplingParams
from tests.engine.conftest import Bench
from tests.fakes import FakeRunner
from tests.fakes import next_letter
from tests.fakes import says


def counters(bench: Bench) -> Counters:
    return bench.mailbox.board.snapshot.counters


def n_of(distribution: Distribution) -> int:
    return sum(distribution.counts)


def test_histogram_counts_between_bounds() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 9.0):
        histogram.add(seconds)
    assert histogram.frozen() == Distribution((1.0, 2.0), (2, 1, 1), 12.0)


def test_every_token_is_counted_once() -> None:
    b = Bench(FakeRunner(next_letter))
    b.submit("hello", n_predict=3)
    b.submit("other", n_predict=4)
    b.tick(10)
    assert counters(b).n_prompt == 10
    assert counters(b).n_predicted == 7
    assert n_of(counters(b).first_token) == 2
    assert n_of(counters(b).gaps) == 5


def test_tokens_of_a_request_whose_client_left_count_too() -> None:
    b = Bench(FakeRunner(next_letter))
    task = b.submit("hello")
    b.tick(4)
    b.cancel(task)
    b.tick()
    assert counters(b).n_predicted == 4


def test_request_without_tokens_has_no_first_one() -> None:
    b = Bench(FakeRunner(next_letter))
    b.submit("hello", n_predict=0)
    b.tick(3)
    assert counters(b).n_predicted == n_of(counters(b).first_token) == 0
    assert n_of(counters(b).requests) == 1


def test_waiting_for_a_slot_counts_as_queueing() -> None:
    b = Bench(FakeRunner(next_letter, n_slots=1))
    b.submit("hello", n_predict=30, t_submitted=0.0)
    b.submit("other", n_predict=1, t_submitted=0.0)
    b.tick(31)
    queue = counters(b).queue
    assert n_of(queue) == 2
    assert queue.total == pytest.approx(0.001 + 0.031)


def test_gap_is_the_time_from_token_to_token() -> None:
    b = Bench(FakeRunner(next_letter))
    b.submit("hello", n_predict=11)
    b.tick(12)
    assert counters(b).gaps.total == pytest.approx(0.010)
    assert counters(b).predicted_s == counters(b).gaps.total


def test_ends_are_counted_by_their_kind() -> None:
    b = Bench(FakeRunner(says(b"hi")))
    b.submit("x")
    b.tick(5)
    gone = b.submit("y")
    b.submit("z", sampling=SamplingParams(grammar="bad"))
    b.tick()
    b.cancel(gone)
    b.submit("w")
    b.runner.fail_tokens = frozenset(b"w")
    b.tick(2)
    ended = {end: n for end, n in counters(b).n_ended if n}
    assert ended == {"eos": 1, "cancelled": 1, "refused": 1, "failed": 1}


def test_ends_of_requests_that_never_had_a_slot_are_counted_too() -> None:
    b = Bench(FakeRunner(next_letter, n_slots=1))
    b.submit("hello", n_predict=3)
    b.submit("x" * 1000)
    gone = b.submit("other")
    b.tick()
    b.cancel(gone)
    b.run()
    ended = {end: n for end, n in counters(b).n_ended if n}
    assert ended == {"limit": 1, "refused": 1, "cancelled": 1}


def test_texts_that_are_not_embedded_are_counted_too() -> None:
    b = Bench(FakeRunner(next_letter, embeds=True, n_slots=1, n_text_max=32))
    b.embed("x" * 1000)
    b.cancel(*b.embed("hello"))
    b.submit("hello", n_predict=1)
    b.run()
    ended = {end: n for end, n in counters(b).n_ended if n}
    assert ended == {"limit": 1, "refused": 1, "cancelled": 1}


def test_idle_engine_shows_all_that_was_done() -> None:
    b = Bench(FakeRunner(next_letter, embeds=True, can_generate=False, n_text_max=32))
    b.embed(*["x" * 30] * 5)
    b.run()
    assert b.mailbox.board.snapshot.n_waiting == 0
    assert counters(b).n_prompt == 150
    assert dict(counters(b).n_ended)["embedded"] == 5


def test_line_says_what_a_request_cost_and_why_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    b = Bench(FakeRunner(next_letter))
    b.submit("hello", n_predict=3, cmpl_id="chatcmpl-1")
    b.tick(5)
    (record,) = [each for each in caplog.records if each.name == "llamactl.requests"]
    assert record.levelno == logging.INFO
    assert record.message == (
        "request 0 (chatcmpl-1) slot 0: prompt 5 tokens (0 cached) in 0.0 ms;"
        " generated 3 in 2.0 ms (1000.0/s); 2.0 ms in all; stopped at its limit"
    )


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.name == "llamactl.requests"]


def test_line_says_that_the_client_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    b = Bench(FakeRunner(next_letter))
    task = b.submit("hello")
    b.tick(2)
    b.cancel(task)
    b.tick()
    assert [line.split("; ")[-1] for line in lines(caplog)] == ["the client went away"]


def test_line_says_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    b = Bench(FakeRunner(next_letter))
    b.submit("hello")
    b.runner.fail_tokens = frozenset(b"h")
    b.tick(2)
    (line,) = lines(caplog)
    assert line.endswith("failed: broken token")


def test_lines_say_nothing_of_what_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    b = Bench(FakeRunner(says(b"answer")))
    b.submit("secret")
    b.tick(10)
    assert not any("secret" in line or "answer" in line for line in lines(caplog))


def test_request_shows_before_its_first_step_is_done() -> None:
    shown: list[bool] = []

    def rule(tokens: list[int]) -> int:
        shown.append(b.mailbox.board.snapshot.slots[0].is_processing)
        return next_letter(tokens)

    b = Bench(FakeRunner(rule), EngineConfig())
    b.submit("hello")
    b.tick()
    assert shown == [True]
