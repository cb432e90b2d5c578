"""What one rendering may take: time, text, items. Templates come out of files and are not trusted.

Loops, blocks and macros tick, operations that make text or lists ask first. A rendering that goes
on for long pauses now and then, so that others are served meanwhile; how, the caller says. It knows
no Jinja but its exceptions.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from jinja2.exceptions import SecurityError

SECONDS = 1.0
"""Of its own, on a processor: neither pauses nor a busy machine count. Real templates take
milliseconds."""
SLICE_S = 0.005
"""After so long it pauses."""
TICKS = 16
"""The clock is read every so many ticks."""
MAX_TEXT = 1 << 24
"""The longest text that may be made, in characters: four million tokens."""
MAX_MADE = 1 << 29
"""All texts that may be made, in characters; templates that add up a text make many."""
MAX_ITEMS = 100_000
"""The longest list that may be made."""
MAX_NODES = 1_000_000
"""The most values within values that are printed or compared."""
POINTER, ITEM = 8, 64
"""What an item of a list takes, and one that was made for it, in characters."""
MAX_DIGITS = 4096
MAX_BITS = 4096
"""The largest integer that may be made."""
MAX_INDENT = 100

_WIDE = re.compile(r"\d{4}|:[^{}]*\{|%[^a-zA-Z%]*\*")
"""Formats that are wider than anybody needs, or as wide as a value says."""


class Exceeded(SecurityError):
    """A rendering wants more than it may have."""


def no_pause() -> None:
    """Where everybody has a thread of their own."""


class Allowance:
    """What is left to one rendering, or to several that share it. One thread or greenlet."""

    def __init__(
        self,
        pause: Callable[[], None] = no_pause,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._pause = pause
        self._clock = clock
        self._seconds = seconds
        self._n_chars = MAX_MADE
        self._n_ticks = 0
        self._resumed = clock()

    def tick(self) -> None:
        """A step of the template. Exceeded."""
        self._n_ticks += 1
        if self._n_ticks % TICKS == 0:
            self.check_time()

    def check_time(self) -> None:
        """Pause if it is time to, or give up. Exceeded."""
        spent = self._clock() - self._resumed
        if spent >= self._seconds:
            raise Exceeded("it takes too long")
        if spent >= SLICE_S:
            self._seconds -= spent
            self._pause()
            self._resumed = self._clock()

    def take(self, n_chars: int) -> None:
        """Before a text of this length is made. Exceeded."""
        self._n_chars -= n_chars
        if n_chars > MAX_TEXT or self._n_chars < 0:
            raise Exceeded("it makes too much text")
        self.tick()

    def charge(self, value: Any) -> Any:
        """After a value was made: what its text or list takes. Exceeded; the value."""
        match value:
            case str():
                self.take(len(value))
            case list() | tuple():
                self.take(POINTER * len(value))
            case dict():
                self.take(ITEM * len(value))
        return value

    def weigh(self, value: Any, *, counts_text: bool = False) -> Any:
        """Before a value is compared or hashed with all that it holds. Exceeded; the value.

        Lists that hold one list twice, which holds one list twice, ... take no memory, and for ever
        to look at. counts_text: texts weigh, too, by the hundred characters.
        """
        if not isinstance(value, (list, tuple, dict)):
            return value
        n_nodes, stack = 0, [value]
        while stack:
            item = stack.pop()
            n_nodes += 1
            if isinstance(item, dict):
                stack.extend(dict.values(item))
            elif isinstance(item, (list, tuple)):
                stack.extend(list.__iter__(item) if isinstance(item, list) else item)
            elif counts_text and isinstance(item, str):
                n_nodes += len(item) // 100
            if n_nodes + len(stack) > MAX_NODES:
                raise Exceeded("it compares too many values")
        self.tick()
        return value

    def joined(self, parts: Iterable[str], separator: str = "") -> str:
        """The parts as one text. Exceeded."""
        texts = parts if isinstance(parts, (list, tuple)) else list(parts)
        self.take(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    def take_value(self, value: Any) -> None:
        """Before a value is printed with all that it holds. Exceeded."""
        n_nodes, stack = 0, [value]
        while stack:
            item = stack.pop()
            n_nodes += 1
            if isinstance(item, str):
                self.take(len(item))
            elif isinstance(item, dict):
                stack.extend(item)
                stack.extend(dict.values(item))
            elif isinstance(item, (list, tuple)):
                stack.extend(list.__iter__(item) if isinstance(item, list) else item)
            if n_nodes + len(stack) > MAX_NODES:
                raise Exceeded("it prints too many values")


def check_items(n: int) -> None:
    """Before a list of this length is made. Exceeded."""
    if n > MAX_ITEMS:
        raise Exceeded(f"it makes a list of over {MAX_ITEMS} items")


def check_integers(operator: str, left: Any, right: Any) -> None:
    """Before integers are multiplied, or raised to a power. Exceeded."""
    if not isinstance(left, int) or not isinstance(right, int):
        return
    bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
    if bits > MAX_BITS:
        raise Exceeded("it makes a huge number")


def check_format(text: str) -> None:
    """Before a text is used as a format. Exceeded."""
    if _WIDE.search(text):
        raise Exceeded("it pads a text to a huge width")


def replaced_length(text: str, old: str, new: str, count: int = -1) -> int:
    """The length of `text.replace(old, new, count)`."""
    n = text.count(old)
    if count >= 0:
        n = min(n, count)
    return len(text) + n * (len(new) - len(old))
