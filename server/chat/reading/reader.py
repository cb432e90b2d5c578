"""Text that arrives in pieces, and generators that read it and wait for more.

A generator that needs more text yields; whoever drives it feeds the reader and goes on. Nothing is
looked at twice but what may be the beginning of a marker.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
Wait = Generator[None, None, T]

SPACE = re.compile(r"\s*")

TAG_BEGUN = 3
"""From how many characters on what breaks off is taken to break off in the tag that ends it."""


class Match(Enum):
    """Whether a literal is there."""

    NO = "no"
    YES = "yes"
    BEGUN = "begun"
    """So far; the text ends within it."""


class Markers:
    """Texts to look for at once."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(sorted({text for text in texts if text}, key=len, reverse=True))
        self.pattern = re.compile("|".join(map(re.escape, self.texts)) or r"(?!)")
        self.beginnings = {text[:n] for text in self.texts for n in range(1, len(text))}
        self.longest = max(map(len, self.texts), default=0)

    def held(self, text: str, start: int) -> int:
        """How many characters at the end of text, from start on, may begin a marker."""
        for n in range(min(self.longest - 1, len(text) - start), 0, -1):
            if text[len(text) - n :] in self.beginnings:
                return n
        return 0


@lru_cache(maxsize=4096)
def chunks_of(literal: str) -> tuple[str, ...]:
    """The parts of a literal between white space."""
    return tuple(literal.split())


class Reader:
    """The text, and how far it is read."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.is_closed = False
        self.n_given = 0
        """How much of the text, from its beginning, is the prompt's."""
        self.ran_out = False
        """Whether somebody wanted more text after its end."""
        self._n_holds = 0

    def feed(self, text: str) -> None:
        """Append text; what was read is forgotten, unless somebody may go back to it."""
        if self._n_holds:
            self.text += text
        else:
            self.text = self.text[self.at :] + text
            self.n_given = max(0, self.n_given - self.at)
            self.at = 0

    def hold(self) -> int:
        """Keep the text from here on, until `release`. The place, to go back to."""
        self._n_holds += 1
        return self.at

    def release(self) -> None:
        """What was held last isn't needed any more."""
        self._n_holds = max(0, self._n_holds - 1)

    def release_all(self) -> None:
        """Nobody will go back."""
        self._n_holds = 0

    @property
    def rest(self) -> str:
        """What isn't read yet."""
        return self.text[self.at :]

    @property
    def is_done(self) -> bool:
        """Whether everything is read and nothing will come."""
        return self.is_closed and self.at >= len(self.text)

    def wait(self) -> Wait[bool]:
        """Wait for more text; False if there will be none."""
        if self.is_closed:
            self.ran_out = True
            return False
        yield
        return True

    def look(self, literal: str) -> tuple[Match, int]:
        """Whether a literal comes next, white space aside, and where it ends."""
        at = self.at
        for chunk in chunks_of(literal):
            found = SPACE.match(self.text, at)
            at = found.end() if found else at
            part = self.text[at : at + len(chunk)]
            if part == chunk:
                at += len(chunk)
            elif len(part) < len(chunk) and chunk.startswith(part):
                return Match.BEGUN, at
            else:
                return Match.NO, at
        return Match.YES, at

    def sees(self, *literals: str) -> Wait[str | None]:
        """Which of the literals comes next; none is taken. None if none does."""
        while True:
            found = [(literal, self.look(literal)[0]) for literal in literals]
            for literal, match in found:
                if match is Match.YES:
                    return literal
                if match is Match.BEGUN and (yield from self.wait()):
                    break
            else:
                return None

    def accept(self, literal: str) -> Wait[bool]:
        """Take a literal if it comes next, white space aside."""
        if (yield from self.sees(literal)) is None:
            return False
        self.at = self.look(literal)[1]
        return True

    def accept_here(self, literal: str) -> Wait[bool]:
        """Take a literal if it comes next, with nothing before it."""
        while not self.text.startswith(literal, self.at):
            if not literal.startswith(self.rest) or not (yield from self.wait()):
                return False
        self.at += len(literal)
        return True

    def accept_end(self, literal: str) -> Wait[bool]:
        """As `accept`, and where the text breaks off within the literal, take what is there."""
        if (yield from self.accept(literal)):
            return True
        if self.is_closed and self.look(literal)[0] is Match.BEGUN:
            self.at = len(self.text)
            return True
        return False

    def skip_space(self) -> Wait[None]:
        """Take white space."""
        while True:
            found = SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text) or not (yield from self.wait()):
                return

    def skip_some(self, space: str) -> Wait[None]:
        """Take white space as far as it is the given one, of which any part may be missing."""
        for letter in space:
            if self.at == len(self.text) and not (yield from self.wait()):
                return
            while self.at == len(self.text):
                if not (yield from self.wait()):
                    return
            if self.text[self.at] == letter:
                self.at += 1

    def next_letter(self) -> Wait[str]:
        """The next character, which isn't taken; "" at the end."""
        while self.at >= len(self.text):
            if not (yield from self.wait()):
                return ""
        return self.text[self.at]

    def first_letter(self) -> Wait[str]:
        """The next character that is no white space; nothing is taken. "" at the end."""
        while True:
            rest = self.rest.lstrip()
            if rest or not (yield from self.wait()):
                return rest[:1]

    def until(
        self, markers: Markers, emit: Callable[[str], None], *, n_dropped: int = 0
    ) -> Wait[str]:
        """Emit text up to the first marker and take that; "" if the text ends without one.

        Where the text breaks off within a marker, that beginning is emitted unless it has at least
        n_dropped characters (0: it never is left out).
        """
        while True:
            found = markers.pattern.search(self.text, self.at)
            end = found.start() if found else len(self.text)
            if found and not self.is_closed and self.text[end:] in markers.beginnings:
                # it may become a longer one
                found = None
            elif not found:
                n_held = markers.held(self.text, self.at)
                if not self.is_closed or (n_dropped and n_held >= n_dropped):
                    end -= n_held
            if end > self.at:
                emit(self.text[self.at : end])
                self.at = end
            if found:
                self.at = found.end()
                return found[0]
            if not (yield from self.wait()):
                self.at = len(self.text)
                return ""
