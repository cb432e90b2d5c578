"""Calls of the tools of a request, spelled as a family spells them, as rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import JsonArguments
from server.chat.formats.format import Slot
from server.chat.formats.texts import TAG
from server.chat.grammar.rules import SPACE
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import choice
from server.chat.grammar.rules import optional
from server.chat.grammar.rules import sequence
from server.chat.grammar.values import arguments_rule
from server.chat.tools import Schema
from server.chat.tools import Tool
from server.grammar import SchemaRefused
from server.grammar import quote

NUMBER = "/[0-9]{1,2}/"
ID = "/[a-zA-Z0-9]{9}/"
"""As long as some templates demand."""
JSON_ID = "/[a-zA-Z0-9]{1,9}/"


@dataclass(frozen=True, slots=True)
class Calling:
    """Which tools are to be called, and how.

    is_strict: schemas that can't be held to are refused; else arguments are any that are well
    formed.
    """

    tools: Sequence[Tool]
    is_parallel: bool
    is_strict: bool


class CallRules:
    """The rules of one request's calls. noise: what may come after them."""

    def __init__(
        self, rules: Rules, calls: Calls, calling: Calling, noise: Sequence[str] = ()
    ) -> None:
        self._rules = rules
        self._calls = calls
        self._calling = calling
        self._after = sequence(*(optional(quote(text)) for text in noise)) if noise else ""

    @property
    def is_single(self) -> bool:
        """Whether there is no way to write a second call."""
        return self._calls.is_single

    @property
    def body_start(self) -> int:
        """The piece from which on a call is written where its name was written before."""
        return int(self._calls.call.pieces[0] is Slot.NAME)

    def section(self, given: str = "") -> str:
        """All calls of a turn. given: the beginning of it that is there already."""
        calls = self._calls
        start = calls.start.removeprefix(given)
        first = given if start == calls.start else ""
        return sequence(
            quote(start) if start else "",
            self._several(first),
            quote(calls.end) if calls.end else "",
            self._after,
        )

    def without_start(self) -> str:
        """Calls of a section whose start a model left out."""
        end = optional(quote(self._calls.end)) if self._calls.end else ""
        return sequence(self._several(""), end, self._after)

    def from_other_start(self, start: str) -> str:
        """Calls that begin with a text of `other_starts`."""
        first = _first_text(self._calls.call)
        if first.endswith(start):
            return self._several(first.removesuffix(start))
        return sequence(quote(start), self._several(""))

    def _several(self, given: str) -> str:
        one = self._one("")
        first = self._one(given) if given else one
        if self._calls.is_single or not self._calling.is_parallel:
            return first
        separator = quote(self._calls.separator) if self._calls.separator else ""
        if not self._calls.end and not self._calls.separator.strip():
            separator = optional(SPACE)
        return sequence(first, f"({sequence(separator, one)})*")

    def _one(self, given: str) -> str:
        """A call of any tool."""
        return self._rules.add(
            "call", choice(self.call(tool, given) for tool in self._calling.tools)
        )

    def call(self, tool: Tool, given: str = "", start: int = 0) -> str:
        """A call of one tool, from its start-th piece on."""
        call = self._calls.call
        parts = []
        for piece in call.pieces[start:]:
            match piece:
                case str():
                    text = piece.removeprefix(given)
                    given = ""
                    parts.append(quote(text) if text else "")
                case Slot.NAME:
                    parts.append(quote(tool.name))
                case Slot.NUMBER:
                    parts.append(NUMBER)
                case Slot.ID:
                    parts.append(JSON_ID if call.keys else ID)
                case Slot.ARGUMENTS:
                    parts.append(self._arguments(tool))
        return sequence(*parts)

    def _arguments(self, tool: Tool) -> str:
        form, schema = self._calls.call.arguments, tool.schema
        try:
            return arguments_rule(self._rules, form, schema, tool.pointer)
        except SchemaRefused:
            if self._calling.is_strict or tool.is_strict:
                raise
        if isinstance(form, JsonArguments):
            return self._rules.add("json", '%json {"type": "object"}')
        try:
            return arguments_rule(self._rules, form, loosened(schema), tool.pointer)
        except SchemaRefused:
            # names that can't be written are left out where they aren't required
            free = loosened(schema, asks=False)
            return arguments_rule(self._rules, form, free, tool.pointer)


def loosened(schema: Schema, *, asks: bool = True) -> Schema:
    """Only the names and the types of an object's properties; asks: and which are required."""
    properties = {}
    for name, member in schema.members.items():
        types = member.types
        properties[name] = {} if types is None else {"type": sorted(types)}
    required = sorted(schema.required & properties.keys()) if asks else []
    node = {"type": "object", "properties": properties, "required": required}
    return Schema(node, node)


def _first_text(call: Call) -> str:
    first = call.pieces[0]
    return first if isinstance(first, str) else ""


def triggers_of(calls: Calls) -> list[tuple[str, str]]:
    """(text, kind) with which calls begin in free text: a whole tag, or all before the name.

    kind: "section", "call" (its start was left out) or "other".
    """
    first = _first_text(calls.call)
    start = calls.start if calls.start.strip() else first
    found = [(_trigger(start), "section")]
    if start != first and TAG.search(first):
        found.append((_trigger(first), "call"))
    found += [(text, "other") for text in calls.other_starts]
    return [(text, kind) for text, kind in found if text]


def _trigger(text: str) -> str:
    """The beginning of a text that is unlikely to be prose: its first tags, if they stand alone."""
    text = text.lstrip()
    chunk = text.split()[0]
    tags = list(TAG.finditer(chunk))
    if tags and not any(letter.isalnum() for letter in chunk[tags[-1].end() :]):
        return chunk[: tags[-1].end()]
    return text
