# mypy: disable-error-code="empty-body"
"""llama.h and ggml-opt.h: the training calls of libllama.

Declared because llama.h has them; a server does not call them.
"""

from __future__ import annotations

from ctypes import Structure
from enum import IntEnum

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.ggml import ggml_tensor
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_model


class ggml_opt_dataset(Opaque):
    """Data to train on."""


class ggml_opt_result(Opaque):
    """Loss and accuracy so far."""


class ggml_opt_context(Opaque):
    """An optimiser at work."""


ggml_opt_dataset_t = Ptr[ggml_opt_dataset]
ggml_opt_result_t = Ptr[ggml_opt_result]
ggml_opt_context_t = Ptr[ggml_opt_context]


@c_enum
class ggml_opt_optimizer_type(IntEnum):
    """Optimisers."""

    GGML_OPT_OPTIMIZER_TYPE_ADAMW = 0
    GGML_OPT_OPTIMIZER_TYPE_SGD = 1
    GGML_OPT_OPTIMIZER_TYPE_COUNT = 2


class ggml_opt_optimizer_params(Opaque):
    """Settings of an optimiser."""


@c_callback
class llama_opt_param_filter(Callback):
    """Says which tensors are trained."""

    def __call__(self, tensor: ConstPtr[ggml_tensor], userdata: VoidPtr) -> Bool:
        """True: the tensor is trained."""


@c_callback
class ggml_opt_get_optimizer_params(Callback):
    """Gives the settings for the next step. Only C can write one: it returns a struct."""

    def __call__(self, userdata: VoidPtr) -> ggml_opt_optimizer_params:
        """`userdata` is what was registered with it."""


@c_callback
class ggml_opt_epoch_callback(Callback):
    """Called after each batch."""

    def __call__(
        self,
        train: Bool,
        opt_ctx: ggml_opt_context_t,
        dataset: ggml_opt_dataset_t,
        result: ggml_opt_result_t,
        ibatch: Int64,
        ibatch_max: Int64,
        t_start_us: Int64,
    ) -> None:
        """`t_start_us`: when this part of the dataset was begun."""


@c_struct
class llama_opt_params(Structure):
    """How a context is trained."""

    n_ctx_train: UInt32
    param_filter: llama_opt_param_filter
    param_filter_ud: VoidPtr
    get_opt_pars: ggml_opt_get_optimizer_params
    get_opt_pars_ud: VoidPtr
    optimizer_type: EnumOf[ggml_opt_optimizer_type]


@c_function
def llama_opt_param_filter_all(tensor: ConstPtr[ggml_tensor], userdata: VoidPtr) -> Bool:
    """The filter that trains every tensor."""


@c_function(releases_gil=True)
def llama_opt_init(
    lctx: Ptr[llama_context], model: Ptr[llama_model], lopt_params: llama_opt_params
) -> None:
    """Prepare a context and its model for training."""


@c_function(releases_gil=True)
def llama_opt_epoch(
    lctx: Ptr[llama_context],
    dataset: ggml_opt_dataset_t,
    result_train: ggml_opt_result_t,
    result_eval: ggml_opt_result_t,
    idata_split: Int64,
    callback_train: ggml_opt_epoch_callback,
    callback_eval: ggml_opt_epoch_callback,
) -> None:
    """Train over a dataset once."""
