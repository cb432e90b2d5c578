# mypy: disable-error-code="empty-body"
"""mtmd-helper.h: generating audio. Experimental in C."""

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
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.mtmd_types import mtmd_bitmap
from llama_ctypes.raw.mtmd_types import mtmd_context
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_seq_id
from llama_ctypes.raw.types import llama_token


class mtmd_helper_gen_audio(Opaque):
    """Audio being generated."""


@c_enum
class mtmd_helper_gen_audio_outtype(IntEnum):
    """Forms of the result."""

    MTMD_HELPER_GEN_AUDIO_OUTTYPE_PCM = 0
    MTMD_HELPER_GEN_AUDIO_OUTTYPE_WAV = 1


@c_struct
class mtmd_helper_gen_audio_inp(Structure):
    """What to say and how."""

    seq_id: llama_seq_id
    prompt: CStr
    prompt_len: Size
    speaker_ref: Ptr[mtmd_bitmap]
    lang: CStr
    top_k: Int32
    top_p: Float
    seed: UInt32
    out_type: EnumOf[mtmd_helper_gen_audio_outtype]


@c_function(releases_gil=True)
def mtmd_helper_gen_audio_init(
    lctx: Ptr[llama_context], mctx: Ptr[mtmd_context]
) -> Ptr[mtmd_helper_gen_audio]:
    """Make a generator for a context and its projector."""


@c_function
def mtmd_helper_gen_audio_free(ctx: Ptr[mtmd_helper_gen_audio]) -> None:
    """Free a generator."""


@c_function
def mtmd_helper_gen_audio_reset(ctx: Ptr[mtmd_helper_gen_audio]) -> None:
    """Forget what was generated."""


@c_function(releases_gil=True)
def mtmd_helper_gen_audio_set_input(
    ctx: Ptr[mtmd_helper_gen_audio], inp: ConstPtr[mtmd_helper_gen_audio_inp]
) -> Int32:
    """Set what to say; 0 on success."""


@c_function(releases_gil=True)
def mtmd_helper_gen_audio_step_prompt(ctx: Ptr[mtmd_helper_gen_audio], n_batch: Int32) -> Int32:
    """Process some of the prompt. > 0 tokens left, 0 done, < 0 error."""


@c_function(releases_gil=True)
def mtmd_helper_gen_audio_step_gen(
    ctx: Ptr[mtmd_helper_gen_audio],
    sampled: llama_token,
    h_state_in: ConstPtr[Float],
    h_state_out: Ptr[ConstPtr[Float]],
    out_stop: Ptr[Bool],
) -> Int32:
    """Generate one frame, once the prompt is done; 0 on success.

    h_state_out: valid until the next step, NULL without a frame. out_stop (or NULL): the end.
    """


@c_function
def mtmd_helper_gen_audio_get_output(
    ctx: Ptr[mtmd_helper_gen_audio],
    out_sample_rate: Ptr[Int32],
    out_data: Ptr[ConstPtr[Char]],
    out_data_len: Ptr[Size],
    out_n_samples: Ptr[Int64],
) -> Int32:
    """Write the audio so far, valid until the next call; 0 on success."""
