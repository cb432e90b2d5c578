"""What leaves the KV memory is copied to the host where that pays, and leaves all at once."""

from __future__ import annotations

from server.engine.admission import MOST_S
from server.engine.admission import SHARE
from server.engine.admission import START_S
from server.engine.admission import Admission
from server.engine.checkpoints import State
from server.engine.config import EngineConfig
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench


class Account(Admission):
    """An account with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(lambda: self.now)


def test_copies_are_made_until_they_cost_more_than_there_is() -> None:
    account = Account()
    account.copied(100, START_S / 2)
    assert account.admits
    account.copied(100, START_S)
    assert not account.admits


def test_time_earns_a_share() -> None:
    account = Account()
    account.copied(100, START_S + 1.0)
    account.now = 0.9 / SHARE
    assert not account.admits
    account.now = 1.1 / SHARE
    assert account.admits


def test_one_copy_that_is_wanted_pays_for_many() -> None:
    account = Account()
    for _ in range(10):
        account.copied(100, 0.1)
    assert not account.admits
    account.wanted(90, 100)
    assert account.admits


def test_a_beginning_that_all_have_earns_nothing() -> None:
    account = Account()
    account.copied(100, 0.2)
    for _ in range(100):
        account.wanted(49, 100)
    assert not account.admits


def test_what_was_earned_is_bounded() -> None:
    account = Account()
    account.copied(100, 0.1)
    for _ in range(1000):
        account.wanted(100, 100)
    account.copied(100, MOST_S)
    assert not account.admits


def test_a_copy_of_any_size_can_be_made_once() -> None:
    account = Account()
    account.copied(1000, 1.0)
    assert account.price_s(500) == 0.5
    account.now = 1e6
    assert account.admits


def slow_copies(b: Bench, seconds: float) -> list[int]:
    """Let copies take so long; the sequences that were copied."""
    save, copied = b.runner.save, []

    def slow(seq_id: int) -> State | None:
        b.now += seconds
        copied.append(seq_id)
        return save(seq_id)

    b.runner.save = slow  # type: ignore[method-assign]
    return copied


def crowded(bench: MakeBench) -> Bench:
    """A slot whose retained sequences leave almost at once."""
    config = EngineConfig(host_cache_bytes=None)
    b = bench(n_slots=1, n_seq=9, config=config)
    b.runner.n_idle_cells, b.look_s = 1, 1e-6
    return b


def test_prompts_of_which_none_comes_back_are_soon_forgotten(bench: MakeBench) -> None:
    b = crowded(bench)
    copied = slow_copies(b, START_S / 3)
    for i in range(20):
        b.generate(chr(65 + i) * 10, n_predict=20)
    assert 1 <= len(copied) <= 5
    assert len(b.engine.memory.host_cache) == len(copied)


def test_conversations_that_come_back_are_all_kept(bench: MakeBench) -> None:
    b = crowded(bench)
    slow_copies(b, START_S / 3)
    texts = [chr(65 + i) * 10 for i in range(6)]
    for _ in range(3):
        texts = [text + b.generate(text, n_predict=12).text + "?" for text in texts]
    for text in texts:
        assert b.generate(text, n_predict=12).timings.n_prompt_cached == len(text) - 2


def test_what_an_idle_slot_shows_is_copied_whatever_it_costs(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=None)
    b = bench(n_slots=2, n_seq=9, config=config)
    b.runner.n_idle_cells, b.look_s = 1, 1e-6
    slow_copies(b, 10 * START_S)
    b.generate("a prompt of slot 0", n_predict=2, id_slot=0)
    b.generate("a prompt of slot 1", n_predict=40, id_slot=1)
    b.generate("another of slot 0", n_predict=40, id_slot=0)
    again = b.generate("a prompt of slot 1", n_predict=2, id_slot=1)
    assert again.timings.n_prompt_cached == len("a prompt of slot 1") - 1


def test_idle_sequences_leave_together_one_a_step(bench: MakeBench) -> None:
    b = crowded(bench)
    b.runner.n_idle_cells = 1 << 30
    for i in range(5):
        b.generate(chr(65 + i) * 10, n_predict=2)
    n_before = b.runner.n_used
    b.runner.n_idle_cells = 1
    b.submit("Z" * 10, n_predict=60)
    used = []
    for _ in range(40):
        b.tick()
        used.append(b.runner.n_used)
    falls = [used[i] - used[i + 1] for i in range(len(used) - 1)]
    leaving = [i for i, n in enumerate(falls) if n > 0]
    assert leaving == list(range(leaving[0], leaving[0] + 5))
    assert sum(falls[i] + 1 for i in leaving) == n_before
