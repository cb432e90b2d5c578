"""Regular expressions of JSON schemas (ECMA-262) -> those that llguidance reads (Rust).

Where ECMA-262 and Python's `re` take a class of characters for more or less, what comes out matches
what both match, so that whoever checks an answer finds it valid. What has no counterpart is
refused. It knows no JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field

from server.grammar.errors import RegexRefused

MAX_DEPTH = 50
QUANTIFIER = re.compile(r"\*|\+|\?|\{\d+(?:,\d*)?\}")
NAMED_GROUP = re.compile(r"\(\?P?<[A-Za-z_]\w*>")
PROPERTY = re.compile(r"[pP]\{[A-Za-z_=]+\}|[pP][A-Z]")
CODE_POINT = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")
HIGH_SURROGATES = range(0xD800, 0xDC00)
SURROGATES = range(0xD800, 0xE000)

CONTROL = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}

SPACES = r"\t\n\r\x{0B}\x{0C}\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}"
NARROW = {
    "d": "0-9",
    "w": "0-9A-Za-z_",
    "s": SPACES + r"\x{3000}",
    "D": r"[^\p{Nd}]",
    "W": r"[^\p{L}\p{N}_]",
    "S": r"[^\s\x{1C}-\x{1F}\x{85}\x{FEFF}]",
}
"""What a class means to both, as the inside of a character class."""
WIDE = {
    "d": r"\p{Nd}",
    "w": r"\p{L}\p{N}_",
    "s": r"\s\x{1C}-\x{1F}\x{85}\x{FEFF}",
    "D": "[^0-9]",
    "W": "[^0-9A-Za-z_]",
    "S": f"[^{SPACES}\\x{{3000}}]",
}
"""What it means to one of them, for what it is excluded from."""
ANYTHING = "(?s:.*)"
ANY = r"[^\n\r\x{2028}\x{2029}]"


@dataclass(slots=True)
class Item:
    """One part of a sequence. text: translated; a group has branches instead."""

    text: str = ""
    branches: list[list[Item]] = field(default_factory=list)
    quantifier: str = ""

    @property
    def is_anchor(self) -> bool:
        """Whether it stands for a place rather than for text."""
        return self.text in ("^", "$")


def search_patterns(pattern: str) -> list[str]:
    """Expressions that all have to be found in a text where pattern is. RegexRefused.

    They are several where pattern begins by looking ahead.
    """
    reader = Reader(pattern)
    branches = reader.read()
    return [f"^(?:{_joined(ahead)})" for ahead in reader.ahead] + [_joined(branches)]


def whole_pattern(pattern: str) -> str:
    """An expression that matches whole texts which pattern matches as a whole. RegexRefused."""
    reader = Reader(pattern)
    branches = reader.read()
    if reader.ahead:
        raise RegexRefused("it can't look ahead; describe the text itself")
    return _joined(_unanchored(branches, at_start=True, at_end=True))


def holding_pattern(pattern: str) -> str:
    """An expression that matches, as a whole, the texts in which pattern is found. RegexRefused."""
    reader = Reader(pattern)
    branches = reader.read()
    if reader.ahead:
        raise RegexRefused("it can't look ahead; describe the text itself")
    whole = [_with_surroundings(branch) for branch in branches]
    return _joined(_unanchored(whole, at_start=True, at_end=True))


def _with_surroundings(branch: list[Item]) -> list[Item]:
    """A branch with any text where it isn't tied to an end."""
    anything = [Item(ANYTHING)]
    before = [] if branch and branch[0].text == "^" else anything
    after = [] if branch and branch[-1].text == "$" else anything
    return before + branch + after


def _joined(branches: Iterable[list[Item]]) -> str:
    return "|".join("".join(map(_text, branch)) for branch in branches)


def _text(item: Item) -> str:
    text = f"(?:{_joined(item.branches)})" if item.branches else item.text
    return text + item.quantifier


def _unanchored(branches: list[list[Item]], *, at_start: bool, at_end: bool) -> list[list[Item]]:
    """Without anchors that say what is so anyway. RegexRefused for others."""
    return [_branch_unanchored(branch, at_start, at_end) for branch in branches]


def _branch_unanchored(branch: list[Item], at_start: bool, at_end: bool) -> list[Item]:
    while at_start and branch and branch[0].text == "^":
        branch = branch[1:]
    while at_end and branch and branch[-1].text == "$":
        branch = branch[:-1]
    items = []
    for i, item in enumerate(branch):
        if item.is_anchor:
            raise RegexRefused(f"'{item.text}' may stand at the ends of the expression only")
        if item.branches:
            is_once = not item.quantifier
            inner = _unanchored(
                item.branches,
                at_start=at_start and i == 0 and is_once,
                at_end=at_end and i == len(branch) - 1 and is_once,
            )
            item = Item(branches=inner, quantifier=item.quantifier)
        items.append(item)
    return items


class Reader:
    """Reads one expression from its beginning to its end."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self.ahead: list[list[list[Item]]] = []
        """What the expression looks for ahead at its beginning."""

    def read(self) -> list[list[Item]]:
        """All of it. RegexRefused."""
        branches = self._branches(0)
        if self._at < len(self._pattern):
            raise RegexRefused(f"unmatched ')' at character {self._at}")
        if self.ahead and len(branches) > 1:
            raise RegexRefused("it can't look ahead in alternatives")
        return branches

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _branches(self, depth: int) -> list[list[Item]]:
        if depth > MAX_DEPTH:
            raise RegexRefused(f"its groups nest deeper than {MAX_DEPTH}")
        branches: list[list[Item]] = [[]]
        while (character := self._peek()) and character != ")":
            if character == "|":
                self._at += 1
                branches.append([])
                continue
            item = self._item(depth, branches)
            if item is not None:
                branches[-1].append(self._quantified(item))
        return branches

    def _item(self, depth: int, branches: list[list[Item]]) -> Item | None:
        character = self._peek()
        if character == "(":
            is_begin = depth == 0 and len(branches) == 1 and [i.text for i in branches[0]] == ["^"]
            return self._group(depth, is_begin=is_begin)
        if QUANTIFIER.match(self._pattern, self._at):
            raise RegexRefused(f"nothing to repeat at character {self._at}")
        self._at += 1
        if character == "[":
            return Item(self._class())
        if character == "\\":
            return Item(self._escape())
        if character == ".":
            return Item(ANY)
        if character in "^$":
            return Item(character)
        return Item(literal(ord(character)))

    def _group(self, depth: int, *, is_begin: bool) -> Item | None:
        named = NAMED_GROUP.match(self._pattern, self._at)
        start, is_ahead = self._at, False
        if named:
            self._at = named.end()
        elif self._pattern.startswith("(?:", self._at):
            self._at += 3
        elif self._pattern.startswith("(?=", self._at) and is_begin:
            self._at += 3
            is_ahead = True
        elif self._pattern.startswith("(?", self._at):
            raise RegexRefused(
                f"'{self._pattern[start : start + 4]}' at character {start} is not supported: it "
                "can't look around, refer back or change its mode"
            )
        else:
            self._at += 1
        inner = self._branches(depth + 1)
        if self._peek() != ")":
            raise RegexRefused(f"unmatched '(' at character {start}")
        self._at += 1
        if is_ahead:
            self.ahead.append(inner)
            return None
        return Item(branches=inner)

    def _quantified(self, item: Item) -> Item:
        found = QUANTIFIER.match(self._pattern, self._at)
        if found is None:
            return item
        if item.is_anchor:
            raise RegexRefused(f"nothing to repeat at character {self._at}")
        item.quantifier = found[0]
        self._at = found.end()
        if self._peek() == "?":  # lazy or not, it matches the same texts
            self._at += 1
        if QUANTIFIER.match(self._pattern, self._at):
            raise RegexRefused(f"several quantifiers at character {self._at}")
        return item

    # escapes

    def _escape(self) -> str:
        letter = self._peek()
        if letter and letter in NARROW:
            self._at += 1
            return f"[{NARROW[letter]}]"
        return self._property() or literal(self._code_point())

    def _property(self) -> str:
        found = PROPERTY.match(self._pattern, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return f"\\{found[0]}"

    def _code_point(self) -> int:
        """What an escape of one character means; the backslash has been read."""
        found = CODE_POINT.match(self._pattern, self._at)
        if found:
            self._at = found.end()
            return self._with_low_half(int(next(filter(None, found.groups())), 16))
        letter = self._peek()
        self._at += 1
        if letter in CONTROL and not self._peek().isdigit():
            return CONTROL[letter]
        if not letter or letter.isalnum():
            raise RegexRefused(f"'\\{letter}' at character {self._at - 2} is not supported")
        return ord(letter)

    def _with_low_half(self, code: int) -> int:
        """A character that is written as two surrogates."""
        if code in HIGH_SURROGATES and self._peek() == "\\":
            found = CODE_POINT.match(self._pattern, self._at + 1)
            low = int(found[2], 16) if found and found[2] else 0
            if 0xDC00 <= low < 0xE000 and found:
                self._at = found.end()
                return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        return code

    # classes of characters

    def _class(self) -> str:
        start = self._at - 1
        is_negated = self._peek() == "^"
        self._at += is_negated
        if self._peek() == "]":
            raise RegexRefused(f"an empty class at character {start}")
        parts = []
        while (character := self._peek()) != "]":
            if not character:
                raise RegexRefused(f"unmatched '[' at character {start}")
            parts.append(self._class_part(WIDE if is_negated else NARROW))
        self._at += 1
        return f"[{'^' * is_negated}{''.join(parts)}]"

    def _class_part(self, classes: dict[str, str]) -> str:
        first = self._class_member(classes)
        is_range = self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in (
            "]",
            "",
        )
        if not is_range or isinstance(first, str):
            return first if isinstance(first, str) else literal(first)
        self._at += 1
        last = self._class_member(classes)
        if isinstance(last, str) or last < first:
            raise RegexRefused(f"a range without order at character {self._at}")
        return f"{literal(first)}-{literal(last)}"

    def _class_member(self, classes: dict[str, str]) -> int | str:
        """A code point, or the inside of a class."""
        character = self._peek()
        self._at += 1
        if character != "\\":
            return ord(character)
        letter = self._peek()
        if letter and letter in classes:
            self._at += 1
            return classes[letter]
        if letter == "b":
            self._at += 1
            return 0x08
        return self._property() or self._code_point()


def literal(code: int) -> str:
    """A character by its code point, in and outside of classes."""
    if code in SURROGATES:
        raise RegexRefused("half of a surrogate pair is no character")
    if code > 0x10FFFF:
        raise RegexRefused(f"there is no character {code:x}")
    character = chr(code)
    if code < 0x80 and not (character.isalnum() or character == "_"):
        return f"\\x{{{code:02X}}}"
    return character
