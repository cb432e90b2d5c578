# mypy: disable-error-code="empty-body"
"""llama.h: the memory of a context: the KV cache, or the state of recurrent models.

Ranges of positions are [p0, p1); a negative p0 means from the start, a negative p1 to the end.
"""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Int
from llama_ctypes.declare import c_function
from llama_ctypes.raw.types import llama_memory_t
from llama_ctypes.raw.types import llama_pos
from llama_ctypes.raw.types import llama_seq_id


@c_function(releases_gil=True)
def llama_memory_clear(mem: llama_memory_t, data: Bool) -> None:
    """Forget everything; with `data` also zero the buffers."""


@c_function
def llama_memory_seq_rm(
    mem: llama_memory_t, seq_id: llama_seq_id, p0: llama_pos, p1: llama_pos
) -> Bool:
    """
    Remove a range of a sequence (any sequence if negative).

    False if this memory can't be cut there; a whole sequence can always be removed.
    """


@c_function
def llama_memory_seq_cp(
    mem: llama_memory_t,
    seq_id_src: llama_seq_id,
    seq_id_dst: llama_seq_id,
    p0: llama_pos,
    p1: llama_pos,
) -> None:
    """Let sequence dst hold what src holds in a range; a unified KV cache copies no data."""


@c_function
def llama_memory_seq_keep(mem: llama_memory_t, seq_id: llama_seq_id) -> None:
    """Remove all other sequences."""


@c_function
def llama_memory_seq_add(
    mem: llama_memory_t, seq_id: llama_seq_id, p0: llama_pos, p1: llama_pos, delta: llama_pos
) -> None:
    """Move the positions of a range by `delta`."""


@c_function
def llama_memory_seq_div(
    mem: llama_memory_t, seq_id: llama_seq_id, p0: llama_pos, p1: llama_pos, d: Int
) -> None:
    """Divide the positions of a range by `d`."""


@c_function
def llama_memory_seq_pos_min(mem: llama_memory_t, seq_id: llama_seq_id) -> llama_pos:
    """The first position held, or -1; above 0 with a sliding window."""


@c_function
def llama_memory_seq_pos_max(mem: llama_memory_t, seq_id: llama_seq_id) -> llama_pos:
    """The last position held, or -1."""


@c_function
def llama_memory_can_shift(mem: llama_memory_t) -> Bool:
    """Whether positions can be moved."""
