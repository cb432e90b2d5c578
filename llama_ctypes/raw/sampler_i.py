# mypy: disable-error-code="empty-body"
"""llama.h: the interface behind a sampler, for samplers written by the caller."""

from __future__ import annotations

from ctypes import Structure
from ctypes import c_void_p
from typing import Annotated

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import CType
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import UInt32
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.device import ggml_backend_buffer_type_t
from llama_ctypes.raw.ggml import ggml_cgraph
from llama_ctypes.raw.ggml import ggml_context
from llama_ctypes.raw.ggml import ggml_tensor
from llama_ctypes.raw.types import llama_token
from llama_ctypes.raw.types import llama_token_data_array

llama_sampler_context_t = Annotated[int | None, CType(c_void_p, "llama_sampler_context_t")]


@c_struct
class llama_sampler_data(Structure):
    """Tensors of a sampler that runs on a device."""

    logits: Ptr[ggml_tensor]
    probs: Ptr[ggml_tensor]
    sampled: Ptr[ggml_tensor]
    candidates: Ptr[ggml_tensor]


# A callback of Python's can't return a POINTER, so these are addresses to ctypes.
SamplerAddress = Annotated[int | None, CType(c_void_p, "struct llama_sampler *")]
ConstSamplerAddress = Annotated[int | None, CType(c_void_p, "const struct llama_sampler *")]
NameAddress = Annotated[int | None, CType(c_void_p, "const char *")]


@c_callback(named=False)
class llama_sampler_i_name(Callback):
    """The name of a sampler: address of a string that stays."""

    def __call__(self, smpl: ConstSamplerAddress) -> NameAddress:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_accept(Callback):
    """A token was chosen."""

    def __call__(self, smpl: SamplerAddress, token: llama_token) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_apply(Callback):
    """Change the candidates."""

    def __call__(self, smpl: SamplerAddress, cur_p: Ptr[llama_token_data_array]) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_reset(Callback):
    """Forget what was accepted."""

    def __call__(self, smpl: SamplerAddress) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_clone(Callback):
    """A copy of the sampler."""

    def __call__(self, smpl: ConstSamplerAddress) -> SamplerAddress:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_free(Callback):
    """Free the data of the sampler."""

    def __call__(self, smpl: SamplerAddress) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_backend_init(Callback):
    """Whether it can run on the device."""

    def __call__(
        self, smpl: SamplerAddress, buft: ggml_backend_buffer_type_t, n_outputs_max_per_seq: UInt32
    ) -> Bool:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_backend_accept(Callback):
    """Graph nodes that accept a token."""

    def __call__(
        self,
        smpl: SamplerAddress,
        ctx: Ptr[ggml_context],
        gf: Ptr[ggml_cgraph],
        selected_token: Ptr[ggml_tensor],
    ) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_backend_apply(Callback):
    """Graph nodes that change the candidates."""

    def __call__(
        self,
        smpl: SamplerAddress,
        ctx: Ptr[ggml_context],
        gf: Ptr[ggml_cgraph],
        data: Ptr[llama_sampler_data],
    ) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_backend_set_input(Callback):
    """Set the inputs of the graph."""

    def __call__(self, smpl: SamplerAddress) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_backend_reset(Callback):
    """The graph is about to be rebuilt."""

    def __call__(self, smpl: SamplerAddress) -> None:
        """See llama_sampler_i."""


@c_callback(named=False)
class llama_sampler_i_copy_state(Callback):
    """Copy the state."""

    def __call__(self, src: ConstSamplerAddress, dst: SamplerAddress) -> None:
        """See llama_sampler_i."""


@c_struct
class llama_sampler_i(Structure):
    """The functions of a sampler; all but `apply` may be NULL."""

    name: llama_sampler_i_name
    accept: llama_sampler_i_accept
    apply: llama_sampler_i_apply
    reset: llama_sampler_i_reset
    clone: llama_sampler_i_clone
    free: llama_sampler_i_free
    backend_init: llama_sampler_i_backend_init
    backend_accept: llama_sampler_i_backend_accept
    backend_apply: llama_sampler_i_backend_apply
    backend_set_input: llama_sampler_i_backend_set_input
    backend_reset: llama_sampler_i_backend_reset
    copy_state: llama_sampler_i_copy_state


@c_struct
class llama_sampler(Structure):
    """A sampler: its functions and its data."""

    iface: Ptr[llama_sampler_i]
    ctx: llama_sampler_context_t
