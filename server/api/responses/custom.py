"""The text of a custom tool's call, taken out of the JSON that the model writes around it.

`{"input": "..."}` arrives in pieces, and so does the text. Arguments of any other form are the text
as they stand: what a model wrote is never lost.
"""

from __future__ import annotations

import json
import re

from server.api.responses.tools import CUSTOM_INPUT

START = re.compile(rf'\s*{{\s*"{CUSTOM_INPUT}"\s*:\s*"')
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}
PIECE = re.compile(
    r'[^"\\]+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}|\\[^u]'
)


class CustomInput:
    """One call that is being generated. text: what came of it so far."""

    def __init__(self) -> None:
        self.text = ""
        self._rest = ""
        """What is not understood yet."""
        self._is_inside = False
        self._is_done = False

    def push(self, arguments: str) -> str:
        """The text that more arguments bring."""
        if self._is_done:
            return ""
        self._rest += arguments
        if not self._is_inside:
            found = START.match(self._rest)
            if found is None:
                return ""
            self._is_inside = True
            self._rest = self._rest[found.end() :]
        return self._add(self._read())

    def finish(self) -> str:
        """The text of what was held back."""
        if self._is_done or self._is_inside:
            return ""
        self._is_done = True
        return self._add(self._rest)

    def _add(self, text: str) -> str:
        self.text += text
        return text

    def _read(self) -> str:
        """As much of the string as is whole."""
        parts: list[str] = []
        at = 0
        while found := PIECE.match(self._rest, at):
            piece = found.group()
            if self._may_go_on(piece, found.end()):
                break
            parts.append(_plain(piece))
            at = found.end()
        self._rest = self._rest[at:]
        self._is_done = self._rest.startswith('"')
        return "".join(parts)

    def _may_go_on(self, piece: str, end: int) -> bool:
        """Whether this is the first half of a character whose second half may still come."""
        is_half = len(piece) == 6 and piece[:3].lower() == "\\ud" and piece[3] in "89abAB"
        rest = self._rest[end : end + 6]
        return is_half and len(rest) < 6 and "\\u".startswith(rest[:2])


def _plain(piece: str) -> str:
    """What a piece of a JSON string stands for."""
    if not piece.startswith("\\"):
        return piece
    if piece[1] == "u":
        text: str = json.loads(f'"{piece}"')
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return ESCAPES.get(piece[1], piece[1])
