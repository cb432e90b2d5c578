"""Which token comes where the likeliest ones may not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from server.engine.allowed import Allowed
from server.engine.allowed import Barred
from server.engine.constraint import Guide
from server.engine.guided import MAX_REJECTED
from server.engine.guided import GuidedSampler
from server.engine.task import TokenProb
from server.engine.task import Tokens
from server.engine.task import Trigger
from server.engine.task import TriggerKind
from server.engine.triggers import Beginning
from server.engine.triggers import TriggerSearch
from tests.engine.vocabulary import EOS
from tests.engine.vocabulary import Vocabulary

CALL = 'start: "<call>" /[0-9]+/ "</call>"'
WRONG = [f"<call>{letter}" for letter in "abcdefgh"]


class Wishes:
    """Chooses the first of its wishes that may come. fits: the beginnings that its grammar has."""

    def __init__(self, wishes: Sequence[int], fits: Sequence[Beginning] = ()) -> None:
        self._wishes = wishes
        self._fits = fits
        self.bound: list[Beginning] = []
        self.n_asked = 0

    def attach(self, seq_id: int) -> None: ...

    def sample(self, i_batch: int) -> int:
        self.n_asked += 1
        return self._wishes[0]

    def sample_among(self, i_batch: int, allowed: Allowed) -> int:
        self.n_asked += 1
        return next(token for token in self._wishes if token in allowed)

    def can_bind(self, beginning: Beginning) -> bool:
        return beginning in self._fits

    def bind(self, beginning: Beginning) -> bool:
        self.bound.append(beginning)
        return beginning in self._fits

    def learn(self, token: int, i_batch: int | None = None) -> bool:
        return True

    def forced(self, n_max: int) -> list[int]:
        return []

    def end_reasoning(self) -> bool:
        return False

    def prob(self, token: int) -> TokenProb | None:
        return None

    def accept(self, tokens: Tokens) -> None: ...

    def close(self) -> None: ...


def test_of_many_tokens_that_begin_a_grammar_wrongly_none_comes() -> None:
    v = Vocabulary([*WRONG[: MAX_REJECTED - 1], "<call>7"])
    constraint = v.compile(CALL, triggers=("<call>",))
    guide = Guide(constraint, v.pieces, EOS, frozenset({EOS}))
    wishes = Wishes([*map(v.token, WRONG[: MAX_REJECTED - 1]), v.token("<call>7")])
    token = GuidedSampler(wishes, v.pieces, guide).sample(0)
    assert v.pieces[token] == b"<call>7"
    assert guide.is_bound
    assert wishes.n_asked == MAX_REJECTED


@pytest.mark.parametrize("ends", [1, 3])
def test_an_end_does_not_come_before_what_has_to(ends: int) -> None:
    v = Vocabulary(["</t>"])
    tokens = [EOS, 0, 1][:ends]
    guide = Guide(v.compile(CALL, after=("</t>",)), v.pieces, EOS, frozenset(tokens))
    wishes = Wishes([*tokens, ord("x")])
    assert GuidedSampler(wishes, v.pieces, guide).sample(0) == ord("x")


def test_a_lazy_grammar_is_bound_where_it_begins() -> None:
    v = Vocabulary(["x<call>a", "x<call>7"])
    wrong, right = v.token("x<call>a"), v.token("x<call>7")
    beginning = Beginning(b"x", (right,))
    wishes = Wishes([wrong, right], [beginning])
    triggers = TriggerSearch([Trigger(TriggerKind.WORD, "<call>")], v.pieces)
    sampler = GuidedSampler(wishes, v.pieces, triggers=triggers)
    assert sampler.sample(0) == right
    assert wishes.bound == [beginning]
    assert sampler.sample(0) == wrong  # it is the chooser's grammar now


def test_a_lazy_grammar_that_nothing_begins_leaves_the_output_free() -> None:
    v = Vocabulary([*WRONG, "<call>!"])
    wishes = Wishes([*map(v.token, WRONG), v.token("<call>!")])
    triggers = TriggerSearch([Trigger(TriggerKind.WORD, "<call>")], v.pieces)
    sampler = GuidedSampler(wishes, v.pieces, triggers=triggers)
    assert sampler.sample(0) == v.token("<call>!")
    assert wishes.n_asked == MAX_REJECTED + 1
    assert len(wishes.bound) == 1


def test_what_is_barred_does_not_come_and_all_else_does() -> None:
    barred = Barred(100)
    barred.add([0, 31, 32, 99])
    assert set(range(100)) - set(barred.rest.ids.tolist()) == {0, 31, 32, 99}
    assert 99 not in barred.rest
    assert 98 in barred.rest
