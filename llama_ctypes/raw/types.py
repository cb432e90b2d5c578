# mypy: disable-error-code="empty-body"
"""llama.h: handles, tokens and batches.

Arrays in a struct belong to whoever filled it in, and must outlive the call it is passed to.
"""

from __future__ import annotations

from ctypes import Structure
from ctypes import c_int32
from ctypes import c_uint32
from typing import Annotated

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import CType
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int8
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_struct

llama_pos = Annotated[int, CType(c_int32, "llama_pos")]
llama_token = Annotated[int, CType(c_int32, "llama_token")]
llama_seq_id = Annotated[int, CType(c_int32, "llama_seq_id")]
llama_state_seq_flags = Annotated[int, CType(c_uint32, "llama_state_seq_flags")]


class llama_vocab(Opaque):
    """The vocabulary, part of a model."""


class llama_model(Opaque):
    """A loaded model."""


class llama_context(Opaque):
    """A model at work: its memory and its last results."""


class llama_memory_i(Opaque):
    """The KV cache or recurrent state of a context."""


class llama_adapter_lora(Opaque):
    """A loaded LoRA adapter."""


llama_memory_t = Ptr[llama_memory_i]


@c_struct
class llama_token_data(Structure):
    """One candidate of sampling."""

    id: llama_token
    logit: Float
    p: Float


@c_struct
class llama_token_data_array(Structure):
    """All candidates; samplers may move `data`, shrink `size` and set `selected`, an index."""

    data: Ptr[llama_token_data]
    size: Size
    selected: Int64
    sorted: Bool


@c_callback
class llama_progress_callback(Callback):
    """Hears how far loading is, from 0 to 1."""

    def __call__(self, progress: Float, user_data: VoidPtr) -> Bool:
        """False cancels. Called on the loading thread."""


@c_struct
class llama_batch(Structure):
    """
    Tokens to process, as parallel arrays of `n_tokens` entries.

    token or embd is set, not both; embd: (n_tokens, n_embd). seq_id[i] points to n_seq_id[i] ids.
    logits[i] != 0 asks for an output row. NULL pos: positions follow the sequence.
    """

    n_tokens: Int32
    token: Ptr[llama_token]
    embd: Ptr[Float]
    pos: Ptr[llama_pos]
    n_seq_id: Ptr[Int32]
    seq_id: Ptr[Ptr[llama_seq_id]]
    logits: Ptr[Int8]


@c_struct
class llama_logit_bias(Structure):
    """Added to the logit of one token."""

    token: llama_token
    bias: Float


@c_struct
class llama_chat_message(Structure):
    """One message for the built-in chat templates."""

    role: CStr
    content: CStr
