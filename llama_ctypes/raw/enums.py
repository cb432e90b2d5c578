"""llama.h: constants and enums."""

from __future__ import annotations

from enum import IntEnum
from enum import IntFlag

from llama_ctypes.ctype import Constant
from llama_ctypes.declare import c_enum

LLAMA_DEFAULT_SEED: Constant = 0xFFFFFFFF
LLAMA_TOKEN_NULL: Constant = -1
LLAMA_FILE_MAGIC_GGLA: Constant = 0x67676C61
LLAMA_FILE_MAGIC_GGSN: Constant = 0x6767736E
LLAMA_FILE_MAGIC_GGSQ: Constant = 0x67677371
LLAMA_SESSION_MAGIC: Constant = LLAMA_FILE_MAGIC_GGSN
LLAMA_SESSION_VERSION: Constant = 10
LLAMA_STATE_SEQ_MAGIC: Constant = LLAMA_FILE_MAGIC_GGSQ
LLAMA_STATE_SEQ_VERSION: Constant = 3
LLAMA_STATE_SEQ_FLAGS_NONE: Constant = 0
LLAMA_STATE_SEQ_FLAGS_SWA_ONLY: Constant = 1
LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY: Constant = 1
LLAMA_STATE_SEQ_FLAGS_ON_DEVICE: Constant = 2


@c_enum
class llama_vocab_type(IntEnum):
    """Tokenizers."""

    LLAMA_VOCAB_TYPE_NONE = 0
    LLAMA_VOCAB_TYPE_SPM = 1
    LLAMA_VOCAB_TYPE_BPE = 2
    LLAMA_VOCAB_TYPE_WPM = 3
    LLAMA_VOCAB_TYPE_UGM = 4
    LLAMA_VOCAB_TYPE_RWKV = 5
    LLAMA_VOCAB_TYPE_PLAMO2 = 6
    LLAMA_VOCAB_TYPE_TEST = 7


@c_enum
class llama_rope_type(IntEnum):
    """How rotary positions are laid out."""

    LLAMA_ROPE_TYPE_NONE = -1
    LLAMA_ROPE_TYPE_NORM = 0
    LLAMA_ROPE_TYPE_NEOX = 2
    LLAMA_ROPE_TYPE_MROPE = 8
    LLAMA_ROPE_TYPE_IMROPE = 40
    LLAMA_ROPE_TYPE_VISION = 24


@c_enum
class llama_token_type(IntEnum):
    """Kinds of tokens, as GGUF files number them."""

    LLAMA_TOKEN_TYPE_UNDEFINED = 0
    LLAMA_TOKEN_TYPE_NORMAL = 1
    LLAMA_TOKEN_TYPE_UNKNOWN = 2
    LLAMA_TOKEN_TYPE_CONTROL = 3
    LLAMA_TOKEN_TYPE_USER_DEFINED = 4
    LLAMA_TOKEN_TYPE_UNUSED = 5
    LLAMA_TOKEN_TYPE_BYTE = 6


@c_enum
class llama_token_attr(IntFlag):
    """Properties of a token."""

    LLAMA_TOKEN_ATTR_UNDEFINED = 0
    LLAMA_TOKEN_ATTR_UNKNOWN = 1
    LLAMA_TOKEN_ATTR_UNUSED = 2
    LLAMA_TOKEN_ATTR_NORMAL = 4
    LLAMA_TOKEN_ATTR_CONTROL = 8
    LLAMA_TOKEN_ATTR_USER_DEFINED = 16
    LLAMA_TOKEN_ATTR_BYTE = 32
    LLAMA_TOKEN_ATTR_NORMALIZED = 64
    LLAMA_TOKEN_ATTR_LSTRIP = 128
    LLAMA_TOKEN_ATTR_RSTRIP = 256
    LLAMA_TOKEN_ATTR_SINGLE_WORD = 512


@c_enum
class llama_ftype(IntEnum):
    """What the weights of a file are mostly quantised to; GUESSED may be added to another value."""

    LLAMA_FTYPE_ALL_F32 = 0
    LLAMA_FTYPE_MOSTLY_F16 = 1
    LLAMA_FTYPE_MOSTLY_Q4_0 = 2
    LLAMA_FTYPE_MOSTLY_Q4_1 = 3
    LLAMA_FTYPE_MOSTLY_Q8_0 = 7
    LLAMA_FTYPE_MOSTLY_Q5_0 = 8
    LLAMA_FTYPE_MOSTLY_Q5_1 = 9
    LLAMA_FTYPE_MOSTLY_Q2_K = 10
    LLAMA_FTYPE_MOSTLY_Q3_K_S = 11
    LLAMA_FTYPE_MOSTLY_Q3_K_M = 12
    LLAMA_FTYPE_MOSTLY_Q3_K_L = 13
    LLAMA_FTYPE_MOSTLY_Q4_K_S = 14
    LLAMA_FTYPE_MOSTLY_Q4_K_M = 15
    LLAMA_FTYPE_MOSTLY_Q5_K_S = 16
    LLAMA_FTYPE_MOSTLY_Q5_K_M = 17
    LLAMA_FTYPE_MOSTLY_Q6_K = 18
    LLAMA_FTYPE_MOSTLY_IQ2_XXS = 19
    LLAMA_FTYPE_MOSTLY_IQ2_XS = 20
    LLAMA_FTYPE_MOSTLY_Q2_K_S = 21
    LLAMA_FTYPE_MOSTLY_IQ3_XS = 22
    LLAMA_FTYPE_MOSTLY_IQ3_XXS = 23
    LLAMA_FTYPE_MOSTLY_IQ1_S = 24
    LLAMA_FTYPE_MOSTLY_IQ4_NL = 25
    LLAMA_FTYPE_MOSTLY_IQ3_S = 26
    LLAMA_FTYPE_MOSTLY_IQ3_M = 27
    LLAMA_FTYPE_MOSTLY_IQ2_S = 28
    LLAMA_FTYPE_MOSTLY_IQ2_M = 29
    LLAMA_FTYPE_MOSTLY_IQ4_XS = 30
    LLAMA_FTYPE_MOSTLY_IQ1_M = 31
    LLAMA_FTYPE_MOSTLY_BF16 = 32
    LLAMA_FTYPE_MOSTLY_TQ1_0 = 36
    LLAMA_FTYPE_MOSTLY_TQ2_0 = 37
    LLAMA_FTYPE_MOSTLY_MXFP4_MOE = 38
    LLAMA_FTYPE_MOSTLY_NVFP4 = 39
    LLAMA_FTYPE_MOSTLY_Q1_0 = 40
    LLAMA_FTYPE_MOSTLY_Q2_0 = 41
    LLAMA_FTYPE_GUESSED = 1024


@c_enum
class llama_rope_scaling_type(IntEnum):
    """How rotary positions reach beyond the trained context."""

    LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED = -1
    LLAMA_ROPE_SCALING_TYPE_NONE = 0
    LLAMA_ROPE_SCALING_TYPE_LINEAR = 1
    LLAMA_ROPE_SCALING_TYPE_YARN = 2
    LLAMA_ROPE_SCALING_TYPE_LONGROPE = 3
    LLAMA_ROPE_SCALING_TYPE_MAX_VALUE = 3


@c_enum
class llama_pooling_type(IntEnum):
    """How embeddings of tokens become one of the sequence."""

    LLAMA_POOLING_TYPE_UNSPECIFIED = -1
    LLAMA_POOLING_TYPE_NONE = 0
    LLAMA_POOLING_TYPE_MEAN = 1
    LLAMA_POOLING_TYPE_CLS = 2
    LLAMA_POOLING_TYPE_LAST = 3
    LLAMA_POOLING_TYPE_RANK = 4


@c_enum
class llama_attention_type(IntEnum):
    """Whether tokens see later ones."""

    LLAMA_ATTENTION_TYPE_UNSPECIFIED = -1
    LLAMA_ATTENTION_TYPE_CAUSAL = 0
    LLAMA_ATTENTION_TYPE_NON_CAUSAL = 1


@c_enum
class llama_flash_attn_type(IntEnum):
    """When flash attention is used."""

    LLAMA_FLASH_ATTN_TYPE_AUTO = -1
    LLAMA_FLASH_ATTN_TYPE_DISABLED = 0
    LLAMA_FLASH_ATTN_TYPE_ENABLED = 1


@c_enum
class llama_split_mode(IntEnum):
    """How a model is spread over devices."""

    LLAMA_SPLIT_MODE_NONE = 0
    LLAMA_SPLIT_MODE_LAYER = 1
    LLAMA_SPLIT_MODE_ROW = 2
    LLAMA_SPLIT_MODE_TENSOR = 3


@c_enum
class llama_load_mode(IntEnum):
    """How the file is read."""

    LLAMA_LOAD_MODE_AUTO = -1
    LLAMA_LOAD_MODE_NONE = 0
    LLAMA_LOAD_MODE_MMAP = 1
    LLAMA_LOAD_MODE_MLOCK = 2
    LLAMA_LOAD_MODE_MMAP_MLOCK = 3
    LLAMA_LOAD_MODE_DIRECT_IO = 4


@c_enum
class llama_lazy_mode(IntEnum):
    """Which tensors are read row by row on demand."""

    LLAMA_LAZY_MODE_OFF = 0
    LLAMA_LAZY_MODE_AUTO = 1
    LLAMA_LAZY_MODE_ON = 2


@c_enum
class llama_context_type(IntEnum):
    """Which part of the model a context runs; MTP predicts several tokens."""

    LLAMA_CONTEXT_TYPE_DEFAULT = 0
    LLAMA_CONTEXT_TYPE_MTP = 1


@c_enum
class llama_model_kv_override_type(IntEnum):
    """Types of a metadata override."""

    LLAMA_KV_OVERRIDE_TYPE_INT = 0
    LLAMA_KV_OVERRIDE_TYPE_FLOAT = 1
    LLAMA_KV_OVERRIDE_TYPE_BOOL = 2
    LLAMA_KV_OVERRIDE_TYPE_STR = 3


@c_enum
class llama_model_meta_key(IntEnum):
    """Sampling defaults that a model file may carry."""

    LLAMA_MODEL_META_KEY_SAMPLING_SEQUENCE = 0
    LLAMA_MODEL_META_KEY_SAMPLING_TOP_K = 1
    LLAMA_MODEL_META_KEY_SAMPLING_TOP_P = 2
    LLAMA_MODEL_META_KEY_SAMPLING_MIN_P = 3
    LLAMA_MODEL_META_KEY_SAMPLING_XTC_PROBABILITY = 4
    LLAMA_MODEL_META_KEY_SAMPLING_XTC_THRESHOLD = 5
    LLAMA_MODEL_META_KEY_SAMPLING_TEMP = 6
    LLAMA_MODEL_META_KEY_SAMPLING_PENALTY_LAST_N = 7
    LLAMA_MODEL_META_KEY_SAMPLING_PENALTY_REPEAT = 8
    LLAMA_MODEL_META_KEY_SAMPLING_MIROSTAT = 9
    LLAMA_MODEL_META_KEY_SAMPLING_MIROSTAT_TAU = 10
    LLAMA_MODEL_META_KEY_SAMPLING_MIROSTAT_ETA = 11


@c_enum
class llama_process_type(IntEnum):
    """Encoder or decoder."""

    LLAMA_PROCESS_TYPE_ENCODE = 0
    LLAMA_PROCESS_TYPE_DECODE = 1
