"""What a model would take of the memory, part by part, and whether there is so much.

Pure. The figures are libllama's own, which lays a model out without loading it; compute buffers
count in full, of which a run touches the part that its batches need: the sum is what a server
takes at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SERVER_BYTES = 126 << 20
"""What the two processes of a server take without any model: measured, with shared pages counted
once."""


@dataclass(frozen=True, slots=True)
class Part:
    """What lies in the memory of one device."""

    device: str
    """'' = RAM."""
    weights_bytes: int
    context_bytes: int
    compute_bytes: int

    @property
    def n_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.context_bytes + self.compute_bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """What a model and its context would take."""

    n_ctx: int
    n_slots: int
    parts: tuple[Part, ...]
    server_bytes: int = SERVER_BYTES

    @property
    def ram(self) -> Part:
        """The part in RAM."""
        empty = Part("", 0, 0, 0)
        return next((part for part in self.parts if not part.device), empty)

    @property
    def ram_bytes(self) -> int:
        """RAM that the server takes at most, without prompts that it keeps there."""
        return self.ram.n_bytes + self.server_bytes

    def on_devices(self) -> Iterator[Part]:
        """The parts that are not in RAM."""
        return (part for part in self.parts if part.device)
