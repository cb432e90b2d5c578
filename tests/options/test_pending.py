"""No option is ignored in silence: its setting is read somewhere, or it is listed as pending."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from server.errors import OptionError
from server.options.argv import split_argv
from server.options.pending import PENDING
from server.options.registry import BY_KEY
from server.options.registry import OPTIONS
from server.options.resolve import resolve

ROOT = Path(__file__).parents[2]

OPTIONS_ROOM = ROOT / "server" / "options"
SETTINGS = (OPTIONS_ROOM / "settings.py", OPTIONS_ROOM / "feature_settings.py")


def attributes_in(tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def attributes_read() -> set[str]:
    """What is read outside of the table, by itself or through a property of the settings."""
    tables = set(OPTIONS_ROOM.glob("*.py")) - {OPTIONS_ROOM / "keys.py"}
    outside = set((ROOT / "server").rglob("*.py")) - tables
    read = {name for path in outside for name in attributes_in(parsed(path))}
    nodes = [node for path in SETTINGS for node in ast.walk(parsed(path))]
    properties = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    for _ in properties:  # a property may read another one
        read |= {name for each in properties if each.name in read for name in attributes_in(each)}
    return read


def test_every_setting_is_read_or_pending() -> None:
    # escape is read by the resolution itself
    keys = {option.key for option in OPTIONS if option.has_setting} - {"escape"}
    assert sorted(keys - attributes_read() - set(PENDING)) == []


WORDS = ([], ["1"], ["x"], ["ngram-mod"], ['{"a": {}}'])
"""What may follow a flag; one of them is taken by any option."""


def refusal_of(*words: str) -> str:
    """What is said of a command line; "" if it is taken."""
    try:
        resolve(split_argv(words), {})
    except OptionError as error:
        return str(error)
    return ""


REFUSED = [key for key, row in PENDING.items() if not row.is_detail and BY_KEY[key].has_setting]


@pytest.mark.parametrize("key", REFUSED)
def test_an_option_without_its_feature_is_refused_at_the_start(key: str) -> None:
    flag = BY_KEY[key].flags[-1]
    said = f"{flag}: not available yet ({PENDING[key].feature}); leave it out"
    assert said in [refusal_of(flag, *words) for words in WORDS]
