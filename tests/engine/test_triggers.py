"""Where a lazy grammar begins, in tokens."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from server.engine.errors import BadGrammar
from server.engine.task import Trigger
from server.engine.task import TriggerKind
from server.engine.triggers import Beginning
from server.engine.triggers import TriggerSearch

PIECES = [b"", *(bytes([byte]) for byte in range(1, 256)), b"say <ca", b"ll> x", b"<call>"]
EXPRESSION = r"(?:[\s\S]*?</t>)?\s*(<call>)"


def tokens_of(*texts: str) -> list[int]:
    return [PIECES.index(text.encode()) for text in texts]


def bytes_of(text: str) -> list[int]:
    return [*text.encode()]


def search_for(*triggers: Trigger) -> TriggerSearch:
    return TriggerSearch(triggers, PIECES)


def found_in(search: TriggerSearch, tokens: Sequence[int]) -> tuple[int, Beginning | None]:
    """How many tokens it takes, and what is found; looking ahead must find the same."""
    for i, token in enumerate(tokens):
        ahead = search.find(token)
        beginning = search.push(token)
        assert ahead == beginning
        if beginning is not None:
            return i + 1, beginning
    return len(tokens), None


def word(text: str) -> Trigger:
    return Trigger(TriggerKind.WORD, text)


def expression(text: str) -> Trigger:
    return Trigger(TriggerKind.PATTERN, text)


@pytest.mark.parametrize("trigger", [word("<call>"), expression("<call>"), expression(EXPRESSION)])
def test_a_text_begins_in_the_middle_of_a_token(trigger: Trigger) -> None:
    tokens = tokens_of("a", "say <ca", "ll> x", "b")
    assert found_in(search_for(trigger), tokens) == (3, Beginning(b"say ", tuple(tokens[1:3])))


@pytest.mark.parametrize("trigger", [word("<call>"), expression("<ca[a-z]*>")])
def test_a_text_begins_with_a_token(trigger: Trigger) -> None:
    tokens = bytes_of("a<call>{")
    assert found_in(search_for(trigger), tokens) == (7, Beginning(b"", tuple(tokens[1:7])))


def test_a_token_begins_with_itself() -> None:
    token = tokens_of("<call>")[0]
    trigger = Trigger(TriggerKind.TOKEN, "<call>", token)
    assert found_in(search_for(trigger), [*bytes_of("a<call>"), token]) == (
        8,
        Beginning(b"", (token,)),
    )


def test_the_first_of_several_that_is_complete_counts() -> None:
    search = search_for(word("<call>"), word("ab"))
    assert found_in(search, bytes_of("<abc")) == (3, Beginning(b"", (*b"ab",)))


@pytest.mark.parametrize("trigger", [word("né"), expression("né"), expression("(?:ü|x)(né)")])
def test_a_place_in_the_middle_of_a_character_is_none(trigger: Trigger) -> None:
    pieces = [*PIECES, "ü".encode()[1:] + b"n"]
    split = len(pieces) - 1
    search = TriggerSearch([trigger], pieces)
    tokens = ["ü".encode()[0], split, *"é".encode()]
    assert found_in(search, tokens) == (4, Beginning("ü".encode(), tuple(tokens)))


def test_what_is_no_text_has_its_place_too() -> None:
    tokens = [0xFF, 0xC3, *b"ab"]
    assert found_in(search_for(expression("ab")), tokens) == (4, Beginning(b"", (*b"ab",)))


def test_an_expression_for_all_of_the_text_matches_no_part() -> None:
    search = search_for(Trigger(TriggerKind.PATTERN_FULL, "ab"))
    assert found_in(search, bytes_of("xab"))[1] is None
    search = search_for(Trigger(TriggerKind.PATTERN_FULL, r"[\s\S]*?(ab)[\s\S]*"))
    assert found_in(search, bytes_of("xab")) == (3, Beginning(b"", (*b"ab",)))


@pytest.mark.parametrize("trigger", [word("ab"), expression("a(b)")])
def test_what_is_forgotten_is_not_found_again(trigger: Trigger) -> None:
    search = search_for(trigger)
    assert found_in(search, bytes_of("xab"))[1] is not None
    search.forget()
    assert found_in(search, bytes_of("bbbb"))[1] is None
    assert found_in(search, bytes_of("ab"))[1] is not None


def test_an_expression_that_is_none_names_the_field() -> None:
    with pytest.raises(BadGrammar, match="grammar_triggers: '\\(': unmatched"):
        search_for(expression("("))
