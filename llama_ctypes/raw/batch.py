# mypy: disable-error-code="empty-body"
"""llama.h: batches, encode and decode."""

from __future__ import annotations

from ctypes import Structure

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.enums import llama_process_type
from llama_ctypes.raw.types import llama_batch
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_pos
from llama_ctypes.raw.types import llama_seq_id
from llama_ctypes.raw.types import llama_token


class llama_batch_ext(Opaque):
    """A batch that C keeps."""


@c_struct
class llama_embd(Structure):
    """Rows of embeddings."""

    data: ConstPtr[Float]
    n_rows: Size
    n_embd: Size


@c_function
def llama_batch_get_one(tokens: Ptr[llama_token], n_tokens: Int32) -> llama_batch:
    """A batch of sequence 0 over the caller's tokens, with positions that follow."""


@c_function
def llama_batch_init(n_tokens: Int32, embd: Int32, n_seq_max: Int32) -> llama_batch:
    """Allocate a batch with arrays that are not initialised.

    embd != 0: embeddings of that width instead of tokens.
    """


@c_function
def llama_batch_free(batch: llama_batch) -> None:
    """Free what llama_batch_init() allocated."""


@c_function(releases_gil=True)
def llama_encode(ctx: Ptr[llama_context], batch: llama_batch) -> Int32:
    """Run the encoder. 0 ok, < 0 error, which leaves the memory as it was."""


@c_function(releases_gil=True)
def llama_decode(ctx: Ptr[llama_context], batch: llama_batch) -> Int32:
    """Run the decoder over one logical batch.

    0 ok; 1 no room in the KV cache: try a smaller batch; 2 aborted; -1 invalid batch; < -1 fatal.
    After 2 and < -1 the ubatches done so far stay in memory; otherwise memory is as before.
    """


@c_function
def llama_batch_ext_init(ctx: Ptr[llama_context]) -> Ptr[llama_batch_ext]:
    """An empty batch for the context; freed by llama_batch_ext_free()."""


@c_function
def llama_batch_ext_free(batch: Ptr[llama_batch_ext]) -> None:
    """Free a batch."""


@c_function
def llama_batch_ext_clear(batch: Ptr[llama_batch_ext]) -> None:
    """Empty a batch."""


@c_function
def llama_batch_ext_add(batch: Ptr[llama_batch_ext], seq_id: llama_seq_id) -> Int32:
    """Add an entry of a sequence; returns its index. -1 full, -2 bad token, -3 bad sequence."""


@c_function
def llama_batch_ext_add_token(
    batch: Ptr[llama_batch_ext], seq_id: llama_seq_id, id: llama_token
) -> Int32:
    """Add a token; returns as llama_batch_ext_add()."""


@c_function
def llama_batch_ext_add_embd(
    batch: Ptr[llama_batch_ext], seq_id: llama_seq_id, embd: llama_embd
) -> Int32:
    """Add an embedding; returns as llama_batch_ext_add()."""


@c_function
def llama_batch_ext_add_seq(batch: Ptr[llama_batch_ext], idx: Int32, seq_id: llama_seq_id) -> Bool:
    """Put entry `idx` into one more sequence; before the setters."""


@c_function
def llama_batch_ext_set_embd_token(
    batch: Ptr[llama_batch_ext], idx: Int32, embd: llama_embd
) -> Bool:
    """Give entry `idx` an embedding besides its token."""


@c_function
def llama_batch_ext_set_embd_state(
    batch: Ptr[llama_batch_ext], idx: Int32, embd: llama_embd
) -> Bool:
    """Give entry `idx` a state that another stage left."""


@c_function
def llama_batch_ext_set_output_embd(batch: Ptr[llama_batch_ext], idx: Int32, value: Bool) -> Bool:
    """Ask for the embedding of entry `idx`."""


@c_function
def llama_batch_ext_set_output_logits(batch: Ptr[llama_batch_ext], idx: Int32, value: Bool) -> Bool:
    """Ask for the logits of entry `idx`."""


@c_function
def llama_batch_ext_set_pos(
    batch: Ptr[llama_batch_ext], idx: Int32, pos: ConstPtr[llama_pos]
) -> Bool:
    """Set the position of entry `idx`: one number, or several with M-RoPE embeddings."""


@c_function(releases_gil=True)
def llama_process(
    ctx: Ptr[llama_context], type: EnumOf[llama_process_type], batch: Ptr[llama_batch_ext]
) -> Int32:
    """Run encoder or decoder over the batch; returns as llama_decode()."""
