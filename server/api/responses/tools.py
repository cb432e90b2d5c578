"""Tools and tool_choice of a Responses body -> those of a chat.

A custom tool is a function of one text for the chat core; `custom` takes it out of the call again.
Tools that a server would run itself (web search and the like) are skipped. It knows no item.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.schema import SchemaError

Json = dict[str, object]

CUSTOM_INPUT = "input"
"""The one parameter of a function that stands for a custom tool."""

CHOICES = ("auto", "none", "required")
ALLOWED = "allowed_tools"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a request. functions, choice: as a chat's body has them."""

    functions: Sequence[Json] = ()
    custom: frozenset[str] = frozenset()
    choice: object = None
    shown: Sequence[Json] = ()
    """As the response shows them."""


def parse_tools(body: Mapping[str, Any]) -> Tools:
    """The tools of a body whose form was checked. SchemaError."""
    given = body.get("tools") or []
    functions: list[Json] = []
    custom: set[str] = set()
    shown: list[Json] = []
    for i, tool in enumerate(given):
        where = f"tools[{i}]"
        match tool["type"]:
            case "function":
                functions.append(_function(tool, where))
                shown.append({"parameters": None, "strict": False, "description": None} | tool)
            case "custom":
                functions.append(_custom(tool, where))
                custom.add(tool["name"])
                shown.append({"format": {"type": "text"}} | tool)
            case other:
                log.warning("%s: tools of type %.100r are not supported and skipped", where, other)
    names = {_name(function) for function in functions}
    choice = _choice(body.get("tool_choice"), names)
    return Tools(functions, frozenset(custom), choice, shown)


def _function(tool: Mapping[str, Any], where: str) -> Json:
    function: Json = {"name": _checked_name(tool, where)}
    for key in ("description", "parameters", "strict"):
        if tool.get(key) is not None:
            function[key] = tool[key]
    return {"type": "function", "function": function}


def _custom(tool: Mapping[str, Any], where: str) -> Json:
    value: Json = {"type": "string"}
    match tool.get("format"):
        case None | {"type": "text"}:
            pass
        case {"type": "grammar", "syntax": "regex", "definition": str(pattern)}:
            value["pattern"] = f"^(?:{pattern})$"
        case {"type": "grammar", "syntax": "lark"}:
            raise wrong(
                f"{where}.format.syntax",
                'a Lark grammar can\'t be held to within a call; use "regex", or no `format`',
            )
        case _:
            raise wrong(
                f"{where}.format",
                'expected {"type": "text"} or {"type": "grammar", "syntax": "regex", '
                '"definition": ...}',
            )
    parameters: Json = {
        "type": "object",
        "properties": {CUSTOM_INPUT: value},
        "required": [CUSTOM_INPUT],
        "additionalProperties": False,
    }
    function: Json = {"name": _checked_name(tool, where), "parameters": parameters}
    if tool.get("description"):
        function["description"] = tool["description"]
    # a pattern that can't be held to is refused
    return {"type": "function", "function": function | {"strict": "pattern" in value}}


def _checked_name(tool: Mapping[str, Any], where: str) -> str:
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        raise wrong(f"{where}.name", "expected the name of the tool")
    return name


def _name(function: Json) -> str:
    inner = function["function"]
    assert isinstance(inner, dict)
    return str(inner["name"])


def _choice(given: object, names: set[str]) -> object:
    """The choice as a chat says it."""
    match given:
        case None:
            return None
        case "required" if not names:
            raise wrong("tool_choice", "there is no tool to call")
        case str() if given in CHOICES:
            return given
        case {"type": "function" | "custom", "name": str(name)}:
            _check_known(name, names, "tool_choice.name")
            return _chosen(name)
        case {"type": "allowed_tools", "mode": ("auto" | "required") as mode, "tools": list(tools)}:
            allowed = [_allowed(tool, names, i) for i, tool in enumerate(tools)]
            return {"type": ALLOWED, ALLOWED: {"mode": mode, "tools": allowed}}
    raise wrong(
        "tool_choice",
        'expected "auto", "none", "required", {"type": "function", "name": ...}, '
        '{"type": "custom", "name": ...} or {"type": "allowed_tools", "mode": ..., "tools": [...]}',
    )


def _allowed(tool: object, names: set[str], i: int) -> Json:
    place = f"tool_choice.tools[{i}]"
    match tool:
        case {"type": "function" | "custom", "name": str(name)}:
            _check_known(name, names, f"{place}.name")
            return _chosen(name)
    raise wrong(place, 'expected {"type": "function" or "custom", "name": ...}')


def _chosen(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def _check_known(name: str, names: set[str], field: str) -> None:
    if name not in names:
        raise wrong(field, f"there is no tool {name!r} to call")


def wrong(field: str, problem: str) -> SchemaError:
    """The error about a field."""
    return SchemaError(field, f"Field '{field}': {problem}")
