"""What an encoder has where others have a memory: nothing. It sees one batch at a time.

Answers to the methods of `llama_ctypes.memory.Memory` that the runner calls, so that the runner
need not ask everywhere which of the two it has.
"""

from __future__ import annotations


class NoMemory:
    """Holds nothing, so everything is forgotten already."""

    can_shift = False

    def clear(self, data: bool = True) -> None:
        """Nothing to forget."""

    def seq_rm(self, seq_id: int, p0: int = -1, p1: int = -1) -> bool:
        """Nothing to remove."""
        return True

    def seq_cp(self, source: int, target: int, p0: int = -1, p1: int = -1) -> None:
        """Nothing to share."""

    def seq_add(self, seq_id: int, p0: int, p1: int, delta: int) -> None:
        """Nothing to move."""

    def seq_pos_min(self, seq_id: int) -> int:
        """It holds no position."""
        return -1

    def seq_pos_max(self, seq_id: int) -> int:
        """It holds no position."""
        return -1
