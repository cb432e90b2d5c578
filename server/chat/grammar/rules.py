"""The rules of a grammar in llguidance's Lark dialect, and the texts in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from server.grammar import quote

MOST_COUNTED = 2000
"""Letters that the expressions of a grammar count at most, together: of more, llguidance takes
seconds, and of twice as many it gives up, in most families that write texts without quotes."""
SPACE = r"/[ \n\r\t]{1,4}/"
_SLASH = r"\/"
_UNESCAPED_SLASH = re.compile(r"(\\.)|/", re.DOTALL)
_SPECIAL = set("\\.+*?()|[]{}^$/&~")


class Rules:
    """Rules by name; equal ones are kept once."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._counted: dict[str, int] = {}

    def count(self, expression: str, n_letters: int) -> bool:
        """Take down that an expression counts letters; False: they are too many together."""
        others = sum(n for known, n in self._counted.items() if known != expression)
        if n_letters and others + n_letters > MOST_COUNTED:
            return False
        self._counted[expression] = n_letters
        return True

    def add(self, name: str, body: str, attribute: str = "") -> str:
        """A rule's name, for use in others: the given one, or one like it if that is taken."""
        key = f"{attribute}: {body}"
        if key in self._names:
            return self._names[key]
        unique, n = name, 1
        while unique in self._bodies:
            n += 1
            unique = f"{name}_{n}"
        self._bodies[unique] = f"{unique}{attribute}: {body}"
        self._names[key] = unique
        return unique

    def lazy(self, name: str, expression: str) -> str:
        """A rule that matches as little as it can."""
        return self.add(name, expression, "[lazy]")

    def text(self, start: str) -> str:
        """The whole grammar, with its first rule."""
        return "\n".join([f"start: {start}", *self._bodies.values()]) + "\n"


def sequence(*parts: str) -> str:
    """One after the other; empty ones are left out."""
    return " ".join(part for part in parts if part) or quote("")


def choice(parts: Iterable[str]) -> str:
    """One of them."""
    distinct = list(dict.fromkeys(parts))
    return distinct[0] if len(distinct) == 1 else f"({' | '.join(distinct)})"


def optional(part: str) -> str:
    """It, or nothing."""
    return f"({part})?" if part else ""


def fixed(text: str) -> str:
    """Exactly this text; nothing for an empty one."""
    return quote(text) if text else ""


def escaped(text: str) -> str:
    """A text within a regular expression."""
    return "".join("\\" + letter if letter in _SPECIAL else letter for letter in text)


def matching(pattern: str) -> str:
    """What the whole of an expression in llguidance's syntax matches."""
    return f"/{_UNESCAPED_SLASH.sub(lambda found: found[1] or _SLASH, pattern)}/"


def containing(text: str) -> str:
    """An expression for texts with this one in them."""
    return matching(f"(?s:.*){escaped(text)}(?s:.*)")


def until(end: str, *contents: str) -> str:
    """An expression for text up to and with an end that is not within it. contents: what it is.

    For a lazy rule. White space at the edges of the end is only required after the text.
    """
    core = escaped(end.strip())
    last = escaped(end)
    wholes = [matching(f"{content}{last}") for content in contents or ("(?s:.*)",)]
    return f"{' & '.join(wholes)} & ~{matching(f'(?s:.*){core}(?s:.*){core}(?s:.*)')}"
