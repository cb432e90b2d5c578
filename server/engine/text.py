"""Bytes of tokens -> text that may be sent: UTF-8 characters and stop strings may span tokens.

Works on bytes, because a token may hold a part of a character. It does not know slots or events.
Answers to `process_token` and `find_stopping_strings` of llama.cpp
`tools/server/server-context.cpp`; unlike there, text that was held back as the possible beginning
of a stop string is not lost when the generation ends for another reason.
"""

from __future__ import annotations

from collections.abc import Sequence


def incomplete_tail(data: bytes | bytearray) -> int:
    """Length in bytes of an unfinished UTF-8 character at the end of data (0 to 3)."""
    if not data or data[-1] < 0x80:
        return 0
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 4 if byte & 0xF8 == 0xF0 else 3 if byte & 0xF0 == 0xE0 else 2
        return back if byte >= 0xC0 and byte & 0xF8 != 0xF8 and back < needed else 0
    return 0


def partial_stop(text: bytes | bytearray, stops: Sequence[bytes]) -> bool:
    """Whether text ends with a proper beginning of one of the stop strings."""
    for stop in stops:
        for n in range(min(len(stop) - 1, len(text)), 0, -1):
            if text.endswith(stop[:n]):
                return True
    return False


class TextStream:
    """The text of one generation, released as soon as nothing more can change it."""

    __slots__ = ("_n_released", "_n_unseen", "_stops", "generated", "stopping_word")

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stop.encode() for stop in stops if stop)
        self._n_released = 0
        self._n_unseen = 0
        """Bytes at the end in which no stop string was looked for yet."""
        self.generated = bytearray()
        """Everything so far, without a stop string that ended it."""
        self.stopping_word = ""

    def push(self, piece: bytes, *, is_eog: bool = False) -> bytes | None:
        """Add a token's bytes; what may be sent now, None while a character is incomplete.

        After a stop string was met, `stopping_word` says which and the rest is cut off.
        """
        self.generated += piece
        self._n_unseen += len(piece)
        if incomplete_tail(self.generated):
            return None
        if self._stops:
            n_new, self._n_unseen = self._n_unseen, 0
            if self._cut_at_stop(n_new):
                return self._release()
            pending = memoryview(self.generated)[self._n_released :].tobytes()
            if not is_eog and partial_stop(pending, self._stops):
                return b""
        return self._release()

    def flush(self) -> bytes:
        """What was held back and is due now that the generation is over."""
        return self._release()

    def truncate(self, n_bytes: int) -> None:
        """Cut the generated text to n_bytes (an indentation limit)."""
        del self.generated[n_bytes:]
        self._n_released = min(self._n_released, n_bytes)

    def text(self) -> str:
        """The whole text; bytes that are no UTF-8 become U+FFFD."""
        return self.generated.decode("utf-8", "replace")

    def _release(self) -> bytes:
        released = bytes(self.generated[self._n_released :])
        self._n_released = len(self.generated)
        return released

    def _cut_at_stop(self, n_new: int) -> bool:
        """Find the earliest stop string that the newest n_new bytes completed, and cut there."""
        found = -1
        for stop in self._stops:
            start = max(self._n_released, len(self.generated) - len(stop) - n_new)
            at = self.generated.find(stop, start)
            if at >= 0 and (found < 0 or at < found):
                found, self.stopping_word = at, stop.decode()
        if found < 0:
            return False
        del self.generated[found:]
        return True


class Lines:
    """How far the lines of a text were looked at."""

    def __init__(self, text: TextStream) -> None:
        self._text = text
        self._last = 0
        """Where the last line begins; 0 = there was no line break."""

    def drop_outdented(self, n_indent: int) -> bool:
        """Whether the last line is indented by less than n_indent blanks; it is dropped then."""
        generated, is_outdented = self._text.generated, False
        if self._last > 0:
            line = generated[self._last :]
            indent = len(line) - len(line.lstrip(b" \t"))
            is_outdented = indent < len(line) and indent < n_indent
            if is_outdented:
                self._text.truncate(self._last + indent)
        newline = generated.find(b"\n", self._last)
        if newline >= 0:
            self._last = newline + 1
        return is_outdented
