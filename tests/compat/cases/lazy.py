"""Grammars that wait for a trigger: on a trained model, whose next words are no toss-up."""

from __future__ import annotations

from typing import Any

from tests.compat.cases.making import GREEDY
from tests.compat.cases.making import post
from tests.compat.exchange import Case

NAMED = 'root ::= "named" (" Bob" | " Rob") "!"'


def lazy(name: str, triggers: Any, grammar: str = NAMED, **fields: Any) -> Case:
    """Goes on with " girl named Emma"."""
    body = GREEDY | {"prompt": "Once upon a time, there was a little", "n_predict": 8}
    body |= {"grammar": grammar, "grammar_lazy": True, "grammar_triggers": triggers}
    return post(f"lazy-{name}", "/completion", body | fields)


def word(text: str) -> list[dict[str, Any]]:
    return [{"type": 1, "value": text}]


def expression(text: str, kind: int = 2) -> list[dict[str, Any]]:
    return [{"type": kind, "value": text}]


SURE = 'root ::= " girl" "!"'

CASES = (
    lazy("word", word("girl na"), 'root ::= "girl" " named " [A-Z] [a-z]{3} "."'),
    lazy("word-in-a-token", word("rl named"), 'root ::= "rl named " [A-Z] [a-z]{2} "!"'),
    lazy("word-that-never-comes", word("boy named")),
    lazy("word-of-one-token", word(" girl"), SURE, preserved_tokens=[" girl"]),
    lazy("word-of-one-token-not-preserved", word(" girl"), SURE),
    lazy("token", [{"type": 0, "value": "", "token": 8180}], SURE),
    lazy("expression", expression("n[aeiou]m.d")),
    lazy("expression-with-a-group", expression("girl (named)")),
    lazy("expression-for-all", expression(r"[\s\S]*?(named)[\s\S]*", 3)),
    lazy("expression-for-all-that-matches-a-part", expression("named", 3)),
    lazy("several", [*expression("never"), *word("l named")], 'root ::= "l named" " Bob"'),
    lazy("streamed", expression("n[aeiou]m.d"), stream=True),
    lazy("no-triggers", []),
    lazy("without-triggers", None),
    lazy("expression-that-is-none", expression("(")),
    lazy("trigger-without-value", [{"type": 1}]),
    lazy("text-that-does-not-fit", expression("named "), 'root ::= "named " "Bob"'),
)
