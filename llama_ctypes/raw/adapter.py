# mypy: disable-error-code="empty-body"
"""llama.h: LoRA adapters and control vectors."""

from __future__ import annotations

from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt64
from llama_ctypes.declare import c_function
from llama_ctypes.raw.ggml import FILE
from llama_ctypes.raw.types import llama_adapter_lora
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_model
from llama_ctypes.raw.types import llama_token


@c_function(releases_gil=True)
def llama_adapter_lora_init(model: Ptr[llama_model], path_lora: CStr) -> Ptr[llama_adapter_lora]:
    """Load an adapter for a model, which must outlive it; NULL on failure."""


@c_function(releases_gil=True)
def llama_adapter_lora_init_from_file_ptr(
    model: Ptr[llama_model], file: Ptr[FILE]
) -> Ptr[llama_adapter_lora]:
    """Load an adapter from an open stream; NULL on failure."""


@c_function
def llama_adapter_meta_val_str(
    adapter: ConstPtr[llama_adapter_lora], key: CStr, buf: Ptr[Char], buf_size: Size
) -> Int32:
    """Write a metadata value as text; returns its length, or -1."""


@c_function
def llama_adapter_meta_count(adapter: ConstPtr[llama_adapter_lora]) -> Int32:
    """Metadata keys."""


@c_function
def llama_adapter_meta_key_by_index(
    adapter: ConstPtr[llama_adapter_lora], i: Int32, buf: Ptr[Char], buf_size: Size
) -> Int32:
    """Write key `i`; returns its length, or -1."""


@c_function
def llama_adapter_meta_val_str_by_index(
    adapter: ConstPtr[llama_adapter_lora], i: Int32, buf: Ptr[Char], buf_size: Size
) -> Int32:
    """Write the value of key `i` as text; returns its length, or -1."""


@c_function
def llama_adapter_lora_free(adapter: Ptr[llama_adapter_lora]) -> None:
    """Free an adapter that no context uses; freeing the model frees the rest."""


@c_function
def llama_adapter_get_alora_n_invocation_tokens(adapter: ConstPtr[llama_adapter_lora]) -> UInt64:
    """Length of the invocation of an aLoRA, 0 for a plain LoRA."""


@c_function
def llama_adapter_get_alora_invocation_tokens(
    adapter: ConstPtr[llama_adapter_lora],
) -> ConstPtr[llama_token]:
    """Tokens after which an aLoRA acts."""


@c_function
def llama_set_adapters_lora(
    ctx: Ptr[llama_context],
    adapters: Ptr[Ptr[llama_adapter_lora]],
    n_adapters: Size,
    scales: Ptr[Float],
) -> Int32:
    """Choose the context's adapters and their scales; 0 on success."""


@c_function
def llama_set_adapter_cvec(
    ctx: Ptr[llama_context],
    data: ConstPtr[Float],
    len: Size,
    n_embd: Int32,
    il_start: Int32,
    il_end: Int32,
) -> Int32:
    """Apply a control vector to layers il_start to il_end; NULL removes it.

    data: (n_layer, n_embd) from layer 1. 0 on success.
    """
