"""No option is ignored in silence: its setting is read somewhere, or it is listed as pending."""

from __future__ import annotations

import ast
from pathlib import Path

from server.options.pending import PENDING
from server.options.registry import OPTIONS

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
