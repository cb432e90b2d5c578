"""The C headers of llama.cpp as Python declarations: C names, C order, one module per section.

Importing this package fills the registry of declare.py and loads no library. Call through the
module (`vocab.llama_vocab_bos(v)`): loading puts the bare ctypes functions there.
"""

from __future__ import annotations

from llama_ctypes.raw import adapter as adapter
from llama_ctypes.raw import backend as backend
from llama_ctypes.raw import batch as batch
from llama_ctypes.raw import context as context
from llama_ctypes.raw import cpu as cpu
from llama_ctypes.raw import device as device
from llama_ctypes.raw import enums as enums
from llama_ctypes.raw import ggml as ggml
from llama_ctypes.raw import gguf as gguf
from llama_ctypes.raw import memory as memory
from llama_ctypes.raw import model as model
from llama_ctypes.raw import mtmd as mtmd
from llama_ctypes.raw import mtmd_gen as mtmd_gen
from llama_ctypes.raw import mtmd_helper as mtmd_helper
from llama_ctypes.raw import mtmd_helper_audio as mtmd_helper_audio
from llama_ctypes.raw import mtmd_types as mtmd_types
from llama_ctypes.raw import params as params
from llama_ctypes.raw import perf as perf
from llama_ctypes.raw import rpc as rpc
from llama_ctypes.raw import sampler as sampler
from llama_ctypes.raw import sampler_i as sampler_i
from llama_ctypes.raw import state as state
from llama_ctypes.raw import system as system
from llama_ctypes.raw import training as training
from llama_ctypes.raw import types as types
from llama_ctypes.raw import vocab as vocab
