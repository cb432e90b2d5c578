"""LoRA adapters of a model. llama.h: Adapters; Context.set_adapters applies them.

A file that is no adapter, or one for other models, is refused with a reason before libllama sees
it: some mistakes in a header would make it abort the process.
"""

from __future__ import annotations

from functools import partial

from llama_ctypes import log
from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import path_bytes
from llama_ctypes.buffers import read_table
from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import AdapterError
from llama_ctypes.gguf_file import complaint_after
from llama_ctypes.gguf_file import complaint_before
from llama_ctypes.gguf_file import string_value
from llama_ctypes.gguf_file import value_types
from llama_ctypes.handle import Handle
from llama_ctypes.model import Model
from llama_ctypes.raw import adapter as raw
from llama_ctypes.raw.gguf import gguf_type
from llama_ctypes.raw.types import llama_adapter_lora

ARCHITECTURE = "general.architecture"
_STRINGS = (ARCHITECTURE, "general.type", "adapter.type")
_ALPHA = "adapter.lora.alpha"


def lora_complaint(path: StrPath, architecture: str | None) -> str | None:
    """What keeps a file from being a LoRA adapter for models of an architecture, or None.

    None as well where only libllama can tell. A value of a wrong type would make it abort.
    """
    complaint = complaint_before(path)
    types = {} if complaint else value_types(path)
    if not types:
        return complaint
    strings = {key: string_value(path, key) for key in _STRINGS}
    if (strings["general.type"], strings["adapter.type"]) != ("adapter", "lora"):
        kind = strings["general.type"] or "file without general.type"
        return f"{path} is not a LoRA adapter: it is a GGUF {kind}"
    if types.get(_ALPHA, gguf_type.GGUF_TYPE_FLOAT32) != gguf_type.GGUF_TYPE_FLOAT32:
        return f"{path} is not a LoRA adapter: {_ALPHA} is not a 32-bit float"
    if architecture and strings[ARCHITECTURE] != architecture:
        return (
            f"{path} is a LoRA adapter for {strings[ARCHITECTURE]}, and the model is {architecture}"
        )
    return None


class AdapterLora(Handle[llama_adapter_lora]):
    """Owner of an adapter, loaded for one model."""

    noun = "adapter"

    def __init__(self, pointer: Ptr[llama_adapter_lora], model: Model) -> None:
        """Take over a loaded adapter; use `AdapterLora.load`."""
        super().__init__(pointer, model)
        self.model = model

    @classmethod
    def load(cls, model: Model, path: StrPath) -> AdapterLora:
        """Load a GGUF adapter. AdapterError: one sentence that says what is wrong."""
        complaint = lora_complaint(path, model.meta_value(ARCHITECTURE))
        if complaint:
            raise AdapterError(complaint)
        point = log.mark()
        pointer = raw.llama_adapter_lora_init(model.ptr, path_bytes(path))
        if not pointer:
            raise AdapterError(complaint_after(path, log.errors_since(point)))
        return cls(pointer, model)

    def invocation_tokens(self) -> list[int]:
        """Tokens after which an aLoRA acts; empty for a plain LoRA."""
        n = raw.llama_adapter_get_alora_n_invocation_tokens(self.ptr)
        tokens = raw.llama_adapter_get_alora_invocation_tokens(self.ptr)
        return [tokens[i] for i in range(n)]

    def meta(self) -> dict[str, str]:
        """All scalar metadata of the file as text, in no particular order."""
        return read_table(
            raw.llama_adapter_meta_count(self.ptr),
            partial(raw.llama_adapter_meta_key_by_index, self.ptr),
            partial(raw.llama_adapter_meta_val_str_by_index, self.ptr),
        )

    def _dispose(self, pointer: Ptr[llama_adapter_lora]) -> None:
        raw.llama_adapter_lora_free(pointer)
