"""Server-sent events out of bytes, as they come from the network.

It knows lines, `data:` fields and blank lines; comments and other fields are dropped. It does not
know what a payload means. A lone carriage return, which the specification also takes for a line's
end, is not: no server of this kind sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field


@dataclass(slots=True)
class SseParser:
    """Feed it pieces of the body, in any cut; it returns the payloads that each piece completes."""

    _rest: bytes = b""  # an unfinished line
    _data: list[bytes] = field(default_factory=list)  # the data lines of an unfinished event

    def feed(self, piece: bytes) -> list[bytes]:
        """The payloads of the events that end in this piece."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        payloads = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                payloads.append(b"\n".join(self._data))
                self._data.clear()
        return payloads
