"""LoRA adapters of a model. llama.h: Adapters; Context.set_adapters applies them."""

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
from llama_ctypes.handle import Handle
from llama_ctypes.model import Model
from llama_ctypes.raw import adapter as raw
from llama_ctypes.raw.types import llama_adapter_lora


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
        complaint = complaint_before(path)
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
