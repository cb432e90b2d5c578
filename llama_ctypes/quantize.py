"""Writing a model file in another type. llama.h: llama_model_quantize"""

from __future__ import annotations

from llama_ctypes import log
from llama_ctypes import runtime
from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import path_bytes
from llama_ctypes.ctype import ref
from llama_ctypes.errors import QuantizeError
from llama_ctypes.gguf_file import complaint_before
from llama_ctypes.raw import model as raw
from llama_ctypes.raw.params import llama_model_quantize_params


def default_params() -> llama_model_quantize_params:
    """The defaults, to be changed and passed on; `ftype` chooses the type."""
    return raw.llama_model_quantize_default_params()


def quantize(
    source: StrPath, target: StrPath, params: llama_model_quantize_params | None = None
) -> None:
    """Write `source` to `target` in another type; releases the GIL. QuantizeError says why not."""
    runtime.start()
    complaint = complaint_before(source)
    if complaint:
        raise QuantizeError(complaint)
    params, point = params or default_params(), log.mark()
    if raw.llama_model_quantize(path_bytes(source), path_bytes(target), ref(params)):
        raise QuantizeError(log.explain(f"{source} could not be quantized", point))
