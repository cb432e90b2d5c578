"""Conversations whose every word is known, and a template's rendering of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

Render = Callable[[Sequence[Mapping[str, Any]]], str]
"""Messages -> text, "" where the template refuses them."""

TEXT = "Qtextq"
NAMES = ("Qfirstq", "Qsecondq")
KEYS = ("Qonekeyq", "Qtwokeyq")
VALUES = ("Qvalueaq", "Qvaluebq", "Qvaluecq", "Qvaluedq")
IDS = ("callid001", "callid002")
"""Nine letters and digits, as some templates demand."""
TYPED_VALUES: dict[str, Any] = {
    "number": 7311,
    "boolean": True,
    "null": None,
    "object": {},
    "array": [],
}
USER: dict[str, Any] = {"role": "user", "content": "Quserq"}


class Probes:
    """One template's renderings. takes_objects: arguments are shown to it as objects."""

    def __init__(self, render: Render, takes_objects: bool) -> None:
        self._render = render
        self._takes_objects = takes_objects

    def turn(self, content: str | None, calls: Sequence[dict[str, Any]] = ()) -> str:
        """An assistant's turn, with whatever comes after the user's words."""
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if calls:
            message["tool_calls"] = list(calls)
        return self._render([USER, message]).rpartition(USER["content"])[2]

    def with_calls(self, n: int) -> str:
        """A turn of one call or two, each with two arguments."""
        calls = [
            self._call(i, {KEYS[0]: VALUES[2 * i], KEYS[1]: VALUES[2 * i + 1]}) for i in range(n)
        ]
        text = self.turn("", calls)
        return text if NAMES[0] in text else self.turn(None, calls)

    def with_value(self, value: object) -> str:
        """A turn of one call with one argument."""
        calls = [self._call(0, {KEYS[0]: value})]
        text = self.turn("", calls)
        return text if NAMES[0] in text else self.turn(None, calls)

    def _call(self, i: int, arguments: dict[str, Any]) -> dict[str, Any]:
        shown = arguments if self._takes_objects else json.dumps(arguments)
        function = {"name": NAMES[i], "arguments": shown}
        return {"id": IDS[i], "type": "function", "function": function}
