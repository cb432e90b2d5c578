# mypy: disable-error-code="empty-body"
"""llama.h: saving and restoring the state of a context or of one sequence."""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import InBytes
from llama_ctypes.ctype import OutBytes
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.declare import c_function
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_seq_id
from llama_ctypes.raw.types import llama_state_seq_flags
from llama_ctypes.raw.types import llama_token


@c_function(releases_gil=True)
def llama_state_get_size(ctx: Ptr[llama_context]) -> Size:
    """Bytes of the whole state now; for saving only."""


@c_function(releases_gil=True)
def llama_state_get_data(ctx: Ptr[llama_context], dst: OutBytes, size: Size) -> Size:
    """Copy the state out; returns the bytes written."""


@c_function(releases_gil=True)
def llama_state_set_data(ctx: Ptr[llama_context], src: InBytes, size: Size) -> Size:
    """Copy a state in; returns the bytes read."""


@c_function(releases_gil=True)
def llama_state_load_file(
    ctx: Ptr[llama_context],
    path_session: CStr,
    tokens_out: Ptr[llama_token],
    n_token_capacity: Size,
    n_token_count_out: Ptr[Size],
) -> Bool:
    """Restore a state and its tokens from a file."""


@c_function(releases_gil=True)
def llama_state_save_file(
    ctx: Ptr[llama_context], path_session: CStr, tokens: ConstPtr[llama_token], n_token_count: Size
) -> Bool:
    """Save the state and its tokens to a file."""


@c_function(releases_gil=True)
def llama_state_seq_get_size(ctx: Ptr[llama_context], seq_id: llama_seq_id) -> Size:
    """Bytes of one sequence's state."""


@c_function(releases_gil=True)
def llama_state_seq_get_data(
    ctx: Ptr[llama_context], dst: OutBytes, size: Size, seq_id: llama_seq_id
) -> Size:
    """Copy one sequence's state out; returns the bytes written."""


@c_function(releases_gil=True)
def llama_state_seq_set_data(
    ctx: Ptr[llama_context], src: InBytes, size: Size, dest_seq_id: llama_seq_id
) -> Size:
    """Copy a state into a sequence; returns the bytes read, 0 on failure."""


@c_function(releases_gil=True)
def llama_state_seq_save_file(
    ctx: Ptr[llama_context],
    filepath: CStr,
    seq_id: llama_seq_id,
    tokens: ConstPtr[llama_token],
    n_token_count: Size,
) -> Size:
    """Save one sequence and its tokens; returns the bytes written."""


@c_function(releases_gil=True)
def llama_state_seq_load_file(
    ctx: Ptr[llama_context],
    filepath: CStr,
    dest_seq_id: llama_seq_id,
    tokens_out: Ptr[llama_token],
    n_token_capacity: Size,
    n_token_count_out: Ptr[Size],
) -> Size:
    """Restore one sequence; returns the bytes read. NULL tokens_out: only count the tokens."""


@c_function(releases_gil=True)
def llama_state_seq_get_size_ext(
    ctx: Ptr[llama_context], seq_id: llama_seq_id, flags: llama_state_seq_flags
) -> Size:
    """As llama_state_seq_get_size(), with LLAMA_STATE_SEQ_FLAGS_*."""


@c_function(releases_gil=True)
def llama_state_seq_get_data_ext(
    ctx: Ptr[llama_context],
    dst: OutBytes,
    size: Size,
    seq_id: llama_seq_id,
    flags: llama_state_seq_flags,
) -> Size:
    """As llama_state_seq_get_data(), with LLAMA_STATE_SEQ_FLAGS_*."""


@c_function(releases_gil=True)
def llama_state_seq_set_data_ext(
    ctx: Ptr[llama_context],
    src: InBytes,
    size: Size,
    dest_seq_id: llama_seq_id,
    flags: llama_state_seq_flags,
) -> Size:
    """As llama_state_seq_set_data(), with LLAMA_STATE_SEQ_FLAGS_*."""
