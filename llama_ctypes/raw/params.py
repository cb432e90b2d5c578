"""llama.h: parameters of models, contexts, samplers and quantising.

Arrays and callbacks in them must live as long as what is made from them.
"""

from __future__ import annotations

from ctypes import Structure
from ctypes import Union
from ctypes import c_char
from typing import TYPE_CHECKING
from typing import Annotated

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import CType
from llama_ctypes.ctype import Double
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_struct
from llama_ctypes.declare import c_union
from llama_ctypes.raw.device import ggml_backend_buffer_type_t
from llama_ctypes.raw.device import ggml_backend_dev_t
from llama_ctypes.raw.device import ggml_backend_sched_eval_callback
from llama_ctypes.raw.enums import llama_attention_type
from llama_ctypes.raw.enums import llama_context_type
from llama_ctypes.raw.enums import llama_flash_attn_type
from llama_ctypes.raw.enums import llama_ftype
from llama_ctypes.raw.enums import llama_lazy_mode
from llama_ctypes.raw.enums import llama_load_mode
from llama_ctypes.raw.enums import llama_model_kv_override_type
from llama_ctypes.raw.enums import llama_pooling_type
from llama_ctypes.raw.enums import llama_rope_scaling_type
from llama_ctypes.raw.enums import llama_split_mode
from llama_ctypes.raw.ggml import ggml_abort_callback
from llama_ctypes.raw.ggml import ggml_tensor
from llama_ctypes.raw.ggml import ggml_type
from llama_ctypes.raw.sampler_i import llama_sampler
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_progress_callback
from llama_ctypes.raw.types import llama_seq_id


@c_union
class llama_model_kv_value(Union):
    """The value of an override, by its tag."""

    val_i64: Int64
    val_f64: Double
    val_bool: Bool
    val_str: Annotated[bytes, CType(c_char * 128, "char[128]")]


@c_struct
class llama_model_kv_override(Structure):
    """Replaces one metadata value; an array of them ends with an empty key."""

    _anonymous_ = ("value",)

    tag: EnumOf[llama_model_kv_override_type]
    key: Annotated[bytes, CType(c_char * 128, "char[128]")]
    value: llama_model_kv_value
    if TYPE_CHECKING:
        val_i64: Int64
        val_f64: Double
        val_bool: Bool
        val_str: bytes


@c_struct
class llama_model_tensor_buft_override(Structure):
    """Puts tensors that match a regular expression into a buffer type."""

    pattern: CStr
    buft: ggml_backend_buffer_type_t


@c_struct
class llama_model_params(Structure):
    """How a model is loaded."""

    devices: Ptr[ggml_backend_dev_t]
    tensor_buft_overrides: ConstPtr[llama_model_tensor_buft_override]
    n_gpu_layers: Int32
    split_mode: EnumOf[llama_split_mode]
    load_mode: EnumOf[llama_load_mode]
    lazy_mode: EnumOf[llama_lazy_mode]
    main_gpu: Int32
    tensor_split: ConstPtr[Float]
    progress_callback: llama_progress_callback
    progress_callback_user_data: VoidPtr
    kv_overrides: ConstPtr[llama_model_kv_override]
    vocab_only: Bool
    check_tensors: Bool
    use_extra_bufts: Bool
    no_host: Bool
    no_alloc: Bool
    load_mtp: Bool


@c_struct
class llama_sampler_seq_config(Structure):
    """A sampler chain that runs on the device for one sequence."""

    seq_id: llama_seq_id
    sampler: Ptr[llama_sampler]


@c_struct
class llama_context_params(Structure):
    """How a context is made; 0 often means: from the model."""

    n_ctx: UInt32
    n_batch: UInt32
    n_ubatch: UInt32
    n_seq_max: UInt32
    n_rs_seq: UInt32
    n_outputs_max: UInt32
    n_outputs_max_per_seq: UInt32
    n_threads: Int32
    n_threads_batch: Int32
    ctx_type: EnumOf[llama_context_type]
    rope_scaling_type: EnumOf[llama_rope_scaling_type]
    pooling_type: EnumOf[llama_pooling_type]
    attention_type: EnumOf[llama_attention_type]
    flash_attn_type: EnumOf[llama_flash_attn_type]
    rope_freq_base: Float
    rope_freq_scale: Float
    yarn_ext_factor: Float
    yarn_attn_factor: Float
    yarn_beta_fast: Float
    yarn_beta_slow: Float
    yarn_orig_ctx: UInt32
    defrag_thold: Float
    cb_eval: ggml_backend_sched_eval_callback
    cb_eval_user_data: VoidPtr
    type_k: EnumOf[ggml_type]
    type_v: EnumOf[ggml_type]
    abort_callback: ggml_abort_callback
    abort_callback_data: VoidPtr
    embeddings: Bool
    offload_kqv: Bool
    no_perf: Bool
    op_offload: Bool
    swa_full: Bool
    kv_unified: Bool
    samplers: Ptr[llama_sampler_seq_config]
    n_samplers: Size
    ctx_other: Ptr[llama_context]


@c_struct
class llama_model_tensor_override(Structure):
    """Element type for tensors that match a pattern."""

    pattern: CStr
    type: EnumOf[ggml_type]


@c_struct
class llama_model_imatrix_data(Structure):
    """Importance data of one tensor."""

    name: CStr
    data: ConstPtr[Float]
    size: Size


@c_struct
class llama_model_quantize_params(Structure):
    """How a file is quantised."""

    nthread: Int32
    ftype: EnumOf[llama_ftype]
    output_tensor_type: EnumOf[ggml_type]
    token_embedding_type: EnumOf[ggml_type]
    allow_requantize: Bool
    quantize_output_tensor: Bool
    only_copy: Bool
    pure: Bool
    keep_split: Bool
    dry_run: Bool
    imatrix: ConstPtr[llama_model_imatrix_data]
    kv_overrides: ConstPtr[llama_model_kv_override]
    tt_overrides: ConstPtr[llama_model_tensor_override]
    prune_layers: ConstPtr[Int32]
    max_buf_size: Size


@c_struct
class llama_sampler_chain_params(Structure):
    """How a sampler chain is made."""

    no_perf: Bool


@c_callback
class llama_model_set_tensor_data_t(Callback):
    """Fills in a tensor of a model made from metadata."""

    def __call__(self, tensor: Ptr[ggml_tensor], userdata: VoidPtr) -> None:
        """`userdata` is what was passed with it."""
