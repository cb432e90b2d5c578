# mypy: disable-error-code="empty-body"
"""llama.h: default parameters, loading models and asking about them."""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import UInt64
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_function
from llama_ctypes.raw.enums import llama_ftype
from llama_ctypes.raw.enums import llama_model_meta_key
from llama_ctypes.raw.enums import llama_rope_type
from llama_ctypes.raw.ggml import FILE
from llama_ctypes.raw.gguf import gguf_context
from llama_ctypes.raw.params import llama_context_params
from llama_ctypes.raw.params import llama_model_params
from llama_ctypes.raw.params import llama_model_quantize_params
from llama_ctypes.raw.params import llama_model_set_tensor_data_t
from llama_ctypes.raw.params import llama_sampler_chain_params
from llama_ctypes.raw.types import llama_model
from llama_ctypes.raw.types import llama_token
from llama_ctypes.raw.types import llama_vocab


@c_function
def llama_model_default_params() -> llama_model_params:
    """Parameters with their defaults."""


@c_function
def llama_context_default_params() -> llama_context_params:
    """Parameters with their defaults."""


@c_function
def llama_sampler_chain_default_params() -> llama_sampler_chain_params:
    """Parameters with their defaults."""


@c_function
def llama_model_quantize_default_params() -> llama_model_quantize_params:
    """Parameters with their defaults."""


@c_function(releases_gil=True)
def llama_model_init_from_user(
    metadata: Ptr[gguf_context],
    set_tensor_data: llama_model_set_tensor_data_t,
    set_tensor_data_ud: VoidPtr,
    params: llama_model_params,
) -> Ptr[llama_model]:
    """Make a model from metadata and a function that fills in the tensors; NULL on failure."""


@c_function(releases_gil=True)
def llama_model_load_from_file(path_model: CStr, params: llama_model_params) -> Ptr[llama_model]:
    """Load a model; split files are found by the name of the first. NULL on failure."""


@c_function(releases_gil=True)
def llama_model_load_from_file_ptr(file: Ptr[FILE], params: llama_model_params) -> Ptr[llama_model]:
    """Load a model from an open stream; NULL on failure."""


@c_function(releases_gil=True)
def llama_model_load_from_splits(
    paths: Ptr[CStr], n_paths: Size, params: llama_model_params
) -> Ptr[llama_model]:
    """Load a model from split files, given in order; NULL on failure."""


@c_function(releases_gil=True)
def llama_model_save_to_file(model: ConstPtr[llama_model], path_model: CStr) -> None:
    """Write the model to a file."""


@c_function(releases_gil=True)
def llama_model_free(model: Ptr[llama_model]) -> None:
    """Free a model that no context uses."""


@c_function
def llama_model_get_vocab(model: ConstPtr[llama_model]) -> ConstPtr[llama_vocab]:
    """The model's vocabulary, freed with it."""


@c_function
def llama_model_rope_type(model: ConstPtr[llama_model]) -> EnumOf[llama_rope_type]:
    """Its layout of rotary positions."""


@c_function
def llama_model_n_ctx_train(model: ConstPtr[llama_model]) -> Int32:
    """Context length it was trained for."""


@c_function
def llama_model_n_embd(model: ConstPtr[llama_model]) -> Int32:
    """Width of its embeddings."""


@c_function
def llama_model_n_embd_inp(model: ConstPtr[llama_model]) -> Int32:
    """Width of embeddings given to it."""


@c_function
def llama_model_n_embd_out(model: ConstPtr[llama_model]) -> Int32:
    """Width of embeddings it returns."""


@c_function
def llama_model_n_layer(model: ConstPtr[llama_model]) -> Int32:
    """Layers."""


@c_function
def llama_model_n_layer_nextn(model: ConstPtr[llama_model]) -> Int32:
    """Layers that predict further tokens."""


@c_function
def llama_model_n_head(model: ConstPtr[llama_model]) -> Int32:
    """Attention heads."""


@c_function
def llama_model_n_head_kv(model: ConstPtr[llama_model]) -> Int32:
    """Key/value heads."""


@c_function
def llama_model_n_swa(model: ConstPtr[llama_model]) -> Int32:
    """Width of the sliding window, 0 if none."""


@c_function
def llama_model_rope_freq_scale_train(model: ConstPtr[llama_model]) -> Float:
    """Frequency scale it was trained for."""


@c_function
def llama_model_n_cls_out(model: ConstPtr[llama_model]) -> UInt32:
    """Outputs of a classifier; meaningless for other models."""


@c_function
def llama_model_cls_label(model: ConstPtr[llama_model], i: UInt32) -> CStr:
    """Label of output `i`, or NULL."""


@c_function
def llama_model_meta_val_str(
    model: ConstPtr[llama_model], key: CStr, buf: Ptr[Char], buf_size: Size
) -> Int32:
    """Write a metadata value as text; returns its length, or -1."""


@c_function
def llama_model_meta_count(model: ConstPtr[llama_model]) -> Int32:
    """Metadata keys."""


@c_function
def llama_model_meta_key_str(key: EnumOf[llama_model_meta_key]) -> CStr:
    """The metadata key of a sampling default."""


@c_function
def llama_model_meta_key_by_index(
    model: ConstPtr[llama_model], i: Int32, buf: Ptr[Char], buf_size: Size
) -> Int32:
    """Write key `i`; returns its length, or -1."""


@c_function
def llama_model_meta_val_str_by_index(
    model: ConstPtr[llama_model], i: Int32, buf: Ptr[Char], buf_size: Size
) -> Int32:
    """Write the value of key `i` as text; returns its length, or -1."""


@c_function
def llama_model_desc(model: ConstPtr[llama_model], buf: Ptr[Char], buf_size: Size) -> Int32:
    """Write a short description; returns its length."""


@c_function
def llama_model_ftype(model: ConstPtr[llama_model]) -> EnumOf[llama_ftype]:
    """Its file type."""


@c_function
def llama_model_size(model: ConstPtr[llama_model]) -> UInt64:
    """Bytes of all tensors."""


@c_function
def llama_model_chat_template(model: ConstPtr[llama_model], name: CStr) -> CStr:
    """Its chat template of that name (NULL: the default one), or NULL."""


@c_function
def llama_model_n_params(model: ConstPtr[llama_model]) -> UInt64:
    """Parameters."""


@c_function
def llama_model_has_encoder(model: ConstPtr[llama_model]) -> Bool:
    """Whether llama_encode() must run first."""


@c_function
def llama_model_has_decoder(model: ConstPtr[llama_model]) -> Bool:
    """Whether llama_decode() can run."""


@c_function
def llama_model_decoder_start_token(model: ConstPtr[llama_model]) -> llama_token:
    """First token for the decoder of an encoder-decoder model, or -1."""


@c_function
def llama_model_is_recurrent(model: ConstPtr[llama_model]) -> Bool:
    """Whether its memory is a state that can't be cut."""


@c_function
def llama_model_is_hybrid(model: ConstPtr[llama_model]) -> Bool:
    """Whether part of its memory is such a state."""


@c_function
def llama_model_is_diffusion(model: ConstPtr[llama_model]) -> Bool:
    """Whether it generates by diffusion."""


@c_function(releases_gil=True)
def llama_model_quantize(
    fname_inp: CStr, fname_out: CStr, params: ConstPtr[llama_model_quantize_params]
) -> UInt32:
    """Quantise a file to another; 0 on success."""
