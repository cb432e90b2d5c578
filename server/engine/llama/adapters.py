"""LoRA adapters and control vectors of a runner: checked, loaded, put to use.

What can be told from the files alone is told before the model is loaded, which may take minutes.
Every error names the option and the file. Engine thread only. Answers to common_init_from_params of
llama.cpp common/common.cpp.
"""

from __future__ import annotations

from llama_ctypes.adapter import ARCHITECTURE
from llama_ctypes.adapter import AdapterLora
from llama_ctypes.adapter import lora_complaint
from llama_ctypes.buffers import Floats
from llama_ctypes.context import Context
from llama_ctypes.control_vector import Directions
from llama_ctypes.control_vector import add_up
from llama_ctypes.control_vector import load_directions
from llama_ctypes.errors import AdapterError
from llama_ctypes.gguf_file import string_value
from llama_ctypes.model import Model
from server.engine.errors import LoadFailed
from server.engine.llama.config import RunnerConfig
from server.engine.modelinfo import AdapterInfo
from server.engine.task import Adapters

LORA = "--lora"
CONTROL_VECTOR = "--control-vector"
TASK_NAME = "adapter.lora.task_name"
PROMPT_PREFIX = "adapter.lora.prompt_prefix"


def check_files(config: RunnerConfig) -> None:
    """LoadFailed for the first file that can't be what its option says."""
    architecture = string_value(config.path, ARCHITECTURE) if config.lora else None
    for path, _ in config.lora:
        complaint = lora_complaint(path, architecture)
        if complaint:
            raise LoadFailed(f"{LORA}: {complaint}")
    for path, _ in config.control_vectors:
        _directions(path)


class LoraAdapters:
    """The LoRA adapters of a model, and those that a context uses now."""

    def __init__(self, model: Model, config: RunnerConfig) -> None:
        """To be called before the context is made, which sizes its graphs by them."""
        self._loaded: list[AdapterLora] = []
        self._used: Adapters = ()
        try:
            for path, _ in config.lora:
                self._loaded.append(AdapterLora.load(model, path))
        except AdapterError as error:
            self.close()
            raise LoadFailed(f"{LORA}: {error}") from error
        self.infos = tuple(
            _info(adapter, path, scale)
            for adapter, (path, scale) in zip(self._loaded, config.lora, strict=True)
        )

    def use(self, adapters: Adapters, context: Context) -> None:
        """Let a context compute with these and no others; costs nothing where it does so already.

        A change makes libllama plan its graphs anew.
        """
        if adapters != self._used:
            context.set_adapters([(self._loaded[i], scale) for i, scale in adapters])
            self._used = adapters

    def close(self) -> None:
        """Free them; the context must be closed before."""
        while self._loaded:
            self._loaded.pop().close()


def _info(adapter: AdapterLora, path: str, scale: float) -> AdapterInfo:
    meta = adapter.meta()
    return AdapterInfo(
        path=path,
        scale=scale,
        task_name=meta.get(TASK_NAME, ""),
        prompt_prefix=meta.get(PROMPT_PREFIX, ""),
        invocation=tuple(adapter.invocation_tokens()),
    )


def control_vector(model: Model, config: RunnerConfig) -> tuple[Floats, int, int] | None:
    """The scaled sum of all control vectors, and the first and the last layer it acts on."""
    if not config.control_vectors:
        return None
    vectors = []
    for path, scale in config.control_vectors:
        directions = _directions(path)
        n_embd = len(next(iter(directions.values())))
        if n_embd != model.n_embd:
            raise LoadFailed(
                f"{CONTROL_VECTOR}: {path} has directions of {n_embd} numbers; the model's"
                f" embeddings have {model.n_embd}"
            )
        vectors.append((directions, scale))
    first, last = config.control_vector_layers
    total = add_up(vectors, model.n_layer, model.n_embd)
    return total, max(first, 1), last if last > 0 else model.n_layer


def _directions(path: str) -> Directions:
    try:
        return load_directions(path)
    except AdapterError as error:
        raise LoadFailed(f"{CONTROL_VECTOR}: {error}") from error
