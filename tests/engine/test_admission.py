"""What leaves the KV memory is copied to the host where that pays, and leaves all at once."""

from __future__ import annotations

import pytest

from server.engine.admission import MOST_S
from server.engine.admission import N_FREE
from server.engine.admission import SHARE
from server.engine.admission import Admission
from server.engine.checkpoints import State
from server.engine.config import EngineConfig
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench


class Account(Admission):
    """An account with a clock that is set by hand, after its free copies."""

    def __init__(self, price_s: float) -> None:
        self.now = 0.0
        super().__init__(lambda: self.now)
        for _ in range(N_FREE):
            assert self.admits()
            self.copy(price_s)

    def copy(self, seconds: float, n_tokens: int = 100) -> None:
        """An admitted copy."""
        self.copied(n_tokens, seconds)
        self.charge(seconds)


def test_after_the_free_copies_none_is_made_on_credit() -> None:
    assert not Account(1e-3).admits()


def test_time_earns_a_share() -> None:
    account = Account(1.0)
    account.now = 1e-6
    assert account.admits()
    account.copy(0.5)
    account.now = 0.4 / SHARE
    assert not account.admits()
    account.now = 0.6 / SHARE
    assert account.admits()


@pytest.mark.parametrize("price_s", [1e-3, 0.1, 10.0])
def test_where_one_in_sixteen_is_wanted_all_are_copied(price_s: float) -> None:
    account = Account(price_s)
    account.wanted(100, 100)
    for i in range(1000):
        assert account.admits()
        account.copy(price_s)
        if i % 15 == 0:
            account.wanted(100, 100)


def test_a_beginning_that_all_have_earns_nothing() -> None:
    account = Account(0.1)
    for _ in range(100):
        account.wanted(49, 100)
    assert not account.admits()


def test_what_was_earned_is_bounded() -> None:
    account = Account(0.01)
    for _ in range(1000):
        account.wanted(100, 100)
    account.copy(MOST_S)
    assert not account.admits()


def test_what_is_owed_is_bounded() -> None:
    account = Account(0.01)
    for _ in range(1000):
        account.copy(0.01)
    account.now = 1.1 * MOST_S / SHARE
    assert account.admits()


def test_prices_follow_what_copies_took_by_their_tokens() -> None:
    account = Account(1.0)
    assert account.price_s(50) == pytest.approx(0.5)
    account.copied(1, 0.5)
    assert account.price_s(50) == pytest.approx(0.5, rel=0.2)
    for _ in range(30):
        account.copied(100, 2.0)
    assert account.price_s(50) == pytest.approx(1.0, rel=0.01)


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
    copied = slow_copies(b, 0.03)
    for i in range(40):
        b.generate(chr(65 + i) * 10, n_predict=20)
    assert N_FREE <= len(copied) <= N_FREE + 2
    assert len(b.engine.memory.host_cache) == len(copied)


def test_conversations_that_come_back_are_all_kept(bench: MakeBench) -> None:
    b = crowded(bench)
    slow_copies(b, 0.03)
    texts = [chr(65 + i) * 10 for i in range(6)]
    for _ in range(3):
        texts = [text + b.generate(text, n_predict=12).text + "?" for text in texts]
    for text in texts:
        assert b.generate(text, n_predict=12).timings.n_prompt_cached == len(text) - 2


def test_what_an_idle_slot_shows_is_copied_whatever_it_costs(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=None)
    b = bench(n_slots=2, n_seq=9, config=config)
    b.runner.n_idle_cells, b.look_s = 1, 1e-6
    slow_copies(b, 1.0)
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


def test_what_is_used_again_meanwhile_stays(bench: MakeBench) -> None:
    b = crowded(bench)
    copied = slow_copies(b, 0.0)
    b.runner.n_idle_cells = 1 << 30
    for i in range(5):
        b.generate(chr(65 + i) * 10, n_predict=2)
    b.runner.n_idle_cells = 1
    b.submit("Z" * 10, n_predict=60)
    while not copied:
        b.tick()
    for sequence in b.engine.memory.idle:
        sequence.last_used += 1.0
    b.tick(5)
    assert len(copied) == 1


def test_sequences_that_share_cost_what_they_have_alone(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=None)
    b = bench(n_slots=1, n_seq=9, n_cells=2000, n_ctx_slot=600, config=config)
    b.look_s = 1e-6
    b.engine.memory.admission.copied(1, 1.0)
    for i in range(5):
        b.generate("P" * 400 + chr(65 + i) * 20, n_predict=1)
    assert b.runner.n_used == 400 + 5 * 20
    b.runner.n_idle_cells = 1
    b.generate("P" * 400 + "Z" * 20, n_predict=20)
    assert b.runner.n_used <= 400 + 40
