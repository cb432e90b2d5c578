"""What the KV memory asks of whoever holds cells in it that belong to no sequence.

Texts that are being embedded hold such cells (`embeddings`).
"""

from __future__ import annotations

from typing import Protocol


class Guest(Protocol):
    """Who holds cells that belong to no sequence here."""

    @property
    def n_cells(self) -> int:
        """How many it holds."""
        ...

    def give_way(self) -> bool:
        """Give some cells back; False if there are none."""
        ...

    def is_for_older(self, submitted_before: float) -> bool:
        """Whether something that was submitted before then has cells, or waits for them."""
        ...

    def comes_before(self, task_id: int) -> bool:
        """Whether something that waits for cells came before this."""
        ...

    def lose_all(self) -> None:
        """The memory is about to be wiped: give all cells back."""
        ...
