"""A regular expression as text -> nodes.

The syntax is that of ECMAScript as C++ has it, which is what the reference takes, without what
needs more than one look at a character: looking around, and referring back.
"""

from __future__ import annotations

import re

from server.engine.pattern.errors import PatternRefused
from server.engine.pattern.nodes import Chars
from server.engine.pattern.nodes import Choice
from server.engine.pattern.nodes import Group
from server.engine.pattern.nodes import Node
from server.engine.pattern.nodes import Place
from server.engine.pattern.nodes import Repeat
from server.engine.pattern.nodes import Sequence

MAX_LENGTH = 4000
MAX_DEPTH = 50
MAX_CODE = 0x10FFFF

QUANTIFIER = re.compile(r"([*+?]|\{(\d{1,6})(?:(,)(\d{0,6}))?\})(\??)")
CODE_POINT = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|c([A-Za-z])")
NAMED_CLASS = re.compile(r"\[:([a-z]+):\]")
CONTROL = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}
PLACES = {"b": Place.EDGE, "B": Place.NO_EDGE}

Ranges = tuple[tuple[int, int], ...]

CLASSES: dict[str, Ranges] = {
    "digit": ((0x30, 0x39),),
    "upper": ((0x41, 0x5A),),
    "lower": ((0x61, 0x7A),),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "word": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
SHORT = {"d": CLASSES["digit"], "s": CLASSES["space"], "w": CLASSES["word"]}
LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D))


def all_but(ranges: Ranges) -> Ranges:
    """What ascending ranges leave."""
    left, after = [], 0
    for first, last in ranges:
        left.append((after, first - 1))
        after = last + 1
    return (*left, (after, MAX_CODE))


def read(pattern: str) -> tuple[Node, int]:
    """The whole of an expression, and how many groups it has. PatternRefused."""
    if len(pattern) > MAX_LENGTH:
        raise PatternRefused(f"longer than {MAX_LENGTH} characters")
    reader = Reader(pattern)
    return reader.read(), reader.n_groups


class Reader:
    """Reads one expression from its beginning to its end."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self.n_groups = 0

    def read(self) -> Node:
        """All of it. PatternRefused."""
        node = self._choice(0)
        if self._at < len(self._pattern):
            raise PatternRefused(f"unmatched ')' at character {self._at}")
        return node

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _choice(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise PatternRefused(f"groups nest deeper than {MAX_DEPTH}")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self, depth: int) -> Node:
        items = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._quantified(self._atom(depth)))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _atom(self, depth: int) -> Node:
        character = self._peek()
        if character == "(":
            return self._group(depth)
        if QUANTIFIER.match(self._pattern, self._at):
            raise PatternRefused(f"nothing to repeat at character {self._at}")
        self._at += 1
        match character:
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case ".":
                return Chars(LINE_ENDS, is_negated=True)
            case "^":
                return Place.BEGIN
            case "$":
                return Place.END
        return _one(ord(character))

    def _group(self, depth: int) -> Node:
        start = self._at
        if self._pattern.startswith("(?", start) and not self._pattern.startswith("(?:", start):
            raise PatternRefused(
                f"'{self._pattern[start : start + 3]}' at character {start} is not supported: "
                "only '(?:...)' and '(...)' are"
            )
        is_plain = self._pattern.startswith("(?:", start)
        self._at += 3 if is_plain else 1
        index = self.n_groups
        self.n_groups += not is_plain
        inner = self._choice(depth + 1)
        if self._peek() != ")":
            raise PatternRefused(f"unmatched '(' at character {start}")
        self._at += 1
        return inner if is_plain else Group(inner, index)

    def _quantified(self, item: Node) -> Node:
        found = QUANTIFIER.match(self._pattern, self._at)
        if found is None:
            return item
        self._at = found.end()
        sign, least, comma, most, lazy = found.groups()
        if QUANTIFIER.match(self._pattern, self._at):
            raise PatternRefused(f"several quantifiers at character {self._at}")
        if least is None:
            return Repeat(item, int(sign == "+"), 1 if sign == "?" else None, bool(lazy))
        n_least = int(least)
        n_most = n_least if not comma else int(most) if most else None
        if n_most is not None and n_most < n_least:
            raise PatternRefused(f"a range without order before character {self._at}")
        return Repeat(item, n_least, n_most, bool(lazy))

    def _escape(self) -> Node:
        letter = self._peek()
        if letter and letter in PLACES:
            self._at += 1
            return PLACES[letter]
        ranges = self._short_class()
        return Chars(ranges) if ranges else _one(self._code_point())

    def _short_class(self) -> Ranges:
        """What a letter after a backslash stands for; () if it stands for no class."""
        letter = self._peek()
        ranges = SHORT.get(letter.lower(), ())
        if ranges:
            self._at += 1
        return all_but(ranges) if ranges and letter.isupper() else ranges

    def _code_point(self) -> int:
        """What an escape of one character means; the backslash has been read."""
        found = CODE_POINT.match(self._pattern, self._at)
        if found:
            self._at = found.end()
            control = found[3]
            return ord(control) % 32 if control else int(found[1] or found[2], 16)
        letter = self._peek()
        self._at += 1
        if letter in CONTROL and not (letter == "0" and self._peek().isdigit()):
            return CONTROL[letter]
        if not letter or letter.isalnum():
            raise PatternRefused(f"'\\{letter}' at character {self._at - 2} is not supported")
        return ord(letter)

    def _class(self) -> Chars:
        start = self._at - 1
        is_negated = self._peek() == "^"
        self._at += is_negated
        ranges: list[tuple[int, int]] = []
        while (character := self._peek()) != "]":
            if not character:
                raise PatternRefused(f"unmatched '[' at character {start}")
            ranges += self._class_part()
        self._at += 1
        return Chars(ranges, is_negated=is_negated)

    def _class_part(self) -> Ranges:
        first = self._class_member()
        if not isinstance(first, int):
            return first
        rest = self._pattern[self._at : self._at + 2]
        if not rest.startswith("-") or rest in ("-", "-]"):
            return ((first, first),)
        self._at += 1
        last = self._class_member()
        if not isinstance(last, int) or last < first:
            raise PatternRefused(f"a range without order at character {self._at}")
        return ((first, last),)

    def _class_member(self) -> int | Ranges:
        """A code point, or a whole class."""
        named = NAMED_CLASS.match(self._pattern, self._at)
        if named:
            self._at = named.end()
            if named[1] not in CLASSES:
                raise PatternRefused(f"there is no class '{named[0]}'")
            return CLASSES[named[1]]
        character = self._peek()
        self._at += 1
        if character != "\\":
            return ord(character)
        if self._peek() == "b":
            self._at += 1
            return 0x08
        return self._short_class() or self._code_point()


def _one(code: int) -> Chars:
    return Chars(((code, code),))
