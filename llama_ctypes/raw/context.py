# mypy: disable-error-code="empty-body"
"""llama.h: contexts, their settings and their results.

On a GPU a result getter waits for the computation, and these getters keep the GIL: call
llama_synchronize(), which releases it, before the first one after a decode.
"""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_function
from llama_ctypes.raw import enums
from llama_ctypes.raw.ggml import ggml_abort_callback
from llama_ctypes.raw.ggml import ggml_threadpool_t
from llama_ctypes.raw.params import llama_context_params
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_memory_t
from llama_ctypes.raw.types import llama_model
from llama_ctypes.raw.types import llama_seq_id
from llama_ctypes.raw.types import llama_token


@c_function(releases_gil=True)
def llama_init_from_model(
    model: Ptr[llama_model], params: llama_context_params
) -> Ptr[llama_context]:
    """Make a context; NULL on failure."""


@c_function(releases_gil=True)
def llama_free(ctx: Ptr[llama_context]) -> None:
    """Free a context."""


@c_function
def llama_attach_threadpool(
    ctx: Ptr[llama_context], threadpool: ggml_threadpool_t, threadpool_batch: ggml_threadpool_t
) -> None:
    """Compute on pools of the caller's, which must outlive their use."""


@c_function
def llama_detach_threadpool(ctx: Ptr[llama_context]) -> None:
    """Go back to the context's own threads."""


@c_function
def llama_n_ctx(ctx: ConstPtr[llama_context]) -> UInt32:
    """Cells of the context."""


@c_function
def llama_n_ctx_seq(ctx: ConstPtr[llama_context]) -> UInt32:
    """Cells that one sequence may use."""


@c_function
def llama_n_batch(ctx: ConstPtr[llama_context]) -> UInt32:
    """Most tokens of a llama_decode()."""


@c_function
def llama_n_ubatch(ctx: ConstPtr[llama_context]) -> UInt32:
    """Most tokens computed at once."""


@c_function
def llama_n_seq_max(ctx: ConstPtr[llama_context]) -> UInt32:
    """Most sequences."""


@c_function
def llama_n_rs_seq(ctx: ConstPtr[llama_context]) -> UInt32:
    """Recurrent states kept a sequence for going back."""


@c_function
def llama_get_model(ctx: ConstPtr[llama_context]) -> ConstPtr[llama_model]:
    """The context's model."""


@c_function
def llama_get_memory(ctx: ConstPtr[llama_context]) -> llama_memory_t:
    """The context's memory, NULL if it has none."""


@c_function
def llama_pooling_type(ctx: ConstPtr[llama_context]) -> EnumOf[enums.llama_pooling_type]:
    """How the context pools embeddings."""


@c_function
def llama_set_n_threads(ctx: Ptr[llama_context], n_threads: Int32, n_threads_batch: Int32) -> None:
    """Set the threads for one token and for several."""


@c_function
def llama_n_threads(ctx: Ptr[llama_context]) -> Int32:
    """Threads for one token."""


@c_function
def llama_n_threads_batch(ctx: Ptr[llama_context]) -> Int32:
    """Threads for several tokens."""


@c_function
def llama_set_embeddings(ctx: Ptr[llama_context], embeddings: Bool) -> None:
    """Choose whether embeddings are output."""


@c_function
def llama_set_causal_attn(ctx: Ptr[llama_context], causal_attn: Bool) -> None:
    """Choose whether tokens see only earlier ones."""


@c_function
def llama_get_causal_attn(ctx: ConstPtr[llama_context]) -> Bool:
    """Whether tokens see only earlier ones."""


@c_function
def llama_set_abort_callback(
    ctx: Ptr[llama_context], abort_callback: ggml_abort_callback, abort_callback_data: VoidPtr
) -> None:
    """Register who may stop a computation (CPU only)."""


@c_function(releases_gil=True)
def llama_synchronize(ctx: Ptr[llama_context]) -> None:
    """Wait until the results are there."""


@c_function
def llama_get_logits(ctx: Ptr[llama_context]) -> Ptr[Float]:
    """Logits of all output rows: (n_outputs, n_vocab), valid until the next decode."""


@c_function
def llama_get_logits_ith(ctx: Ptr[llama_context], i: Int32) -> Ptr[Float]:
    """
    Logits of batch entry `i`, or of the i-th output row from the end if negative.

    (n_vocab,), valid until the next decode; NULL if `i` has no output.
    """


@c_function
def llama_get_embeddings(ctx: Ptr[llama_context]) -> Ptr[Float]:
    """Embeddings of all output rows: (n_outputs, n_embd_out), or NULL if they are pooled."""


@c_function
def llama_get_embeddings_ith(ctx: Ptr[llama_context], i: Int32) -> Ptr[Float]:
    """Embedding of batch entry `i`: (n_embd_out,), or NULL."""


@c_function
def llama_get_embeddings_seq(ctx: Ptr[llama_context], seq_id: llama_seq_id) -> Ptr[Float]:
    """Pooled embedding of a sequence: (n_embd_out,), with RANK (n_cls_out,), or NULL."""


@c_function
def llama_get_sampled_token_ith(ctx: Ptr[llama_context], i: Int32) -> llama_token:
    """The token sampled on the device for batch entry `i`, or LLAMA_TOKEN_NULL."""


@c_function
def llama_get_sampled_probs_ith(ctx: Ptr[llama_context], i: Int32) -> Ptr[Float]:
    """Probabilities left by the device's sampler, or NULL."""


@c_function
def llama_get_sampled_probs_count_ith(ctx: Ptr[llama_context], i: Int32) -> UInt32:
    """Length of those."""


@c_function
def llama_get_sampled_logits_ith(ctx: Ptr[llama_context], i: Int32) -> Ptr[Float]:
    """Logits left by the device's sampler, or NULL."""


@c_function
def llama_get_sampled_logits_count_ith(ctx: Ptr[llama_context], i: Int32) -> UInt32:
    """Length of those."""


@c_function
def llama_get_sampled_candidates_ith(ctx: Ptr[llama_context], i: Int32) -> Ptr[llama_token]:
    """Tokens of those probabilities and logits, or NULL."""


@c_function
def llama_get_sampled_candidates_count_ith(ctx: Ptr[llama_context], i: Int32) -> UInt32:
    """Length of those."""
