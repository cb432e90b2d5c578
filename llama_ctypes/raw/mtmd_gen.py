# mypy: disable-error-code="empty-body"
"""mtmd.h: audio as output. Experimental in C."""

from __future__ import annotations

from ctypes import Structure
from enum import IntEnum

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
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.mtmd_types import mtmd_context


@c_enum
class mtmd_gen_audio_type(IntEnum):
    """Pipelines."""

    MTMD_GEN_AUDIO_TYPE_NONE = 0
    MTMD_GEN_AUDIO_TYPE_QWEN3TTS = 1
    MTMD_GEN_AUDIO_TYPE_POCKETTTS = 2


@c_enum
class mtmd_gen_process_type(IntEnum):
    """Steps of a pipeline."""

    MTMD_GEN_PROCESS_TYPE_GEN_CODE = 0
    MTMD_GEN_PROCESS_TYPE_GEN_WAV = 1


@c_struct
class mtmd_gen_audio_info(Structure):
    """Which pipeline is loaded."""

    type: EnumOf[mtmd_gen_audio_type]
    sample_rate: Int32
    model_variant: CStr


@c_struct
class mtmd_gen_inp(Structure):
    """Input of a step; which fields count depends on `type`."""

    type: EnumOf[mtmd_gen_process_type]
    code0: Int32
    embd: Ptr[Float]
    top_k: Int32
    top_p: Float
    seed: UInt32
    temp: Float
    codes: Ptr[Int32]
    n_codes: Size
    feats: ConstPtr[Float]
    n_feats: Size
    state_data: ConstPtr[Char]
    state_size: Size


@c_struct
class mtmd_gen_out(Structure):
    """Output of a step, valid until the next."""

    codes: ConstPtr[Int32]
    n_codes: Size
    feats: ConstPtr[Float]
    n_feats: Size
    embd: ConstPtr[Float]
    is_eos: Bool
    audio: ConstPtr[Float]
    n_samples: Size
    state_data: ConstPtr[Char]
    state_size: Size


@c_function
def mtmd_gen_audio_get_info(ctx: ConstPtr[mtmd_context]) -> mtmd_gen_audio_info:
    """Which pipeline is loaded."""


@c_function
def mtmd_gen_inp_default(ctx: ConstPtr[mtmd_context]) -> mtmd_gen_inp:
    """Input with the pipeline's defaults."""


@c_function(releases_gil=True)
def mtmd_gen_audio_process(
    ctx: Ptr[mtmd_context], inp: ConstPtr[mtmd_gen_inp], out: Ptr[mtmd_gen_out]
) -> Int32:
    """Run one step; the caller keeps the state between steps. 0 on success."""
