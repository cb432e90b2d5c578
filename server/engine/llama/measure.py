"""What a model and its context would take of each device, without loading it.

libllama lays everything out as for a real load and allocates nothing. Answers to
common_get_device_memory_data in llama.cpp `common/fit.cpp`.
"""

from __future__ import annotations

from dataclasses import dataclass

from llama_ctypes import breakdown
from llama_ctypes import device
from llama_ctypes import log
from llama_ctypes.breakdown import Share
from llama_ctypes.context import Context
from llama_ctypes.errors import LlamaError
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import llama_load_mode
from server.engine.llama import params
from server.engine.llama.config import RunnerConfig
from server.engine.llama.embedder import sees_all

HOST = "CPU"
EXPERTS_KEY = "expert_count"


@dataclass(frozen=True, slots=True)
class Use:
    """One device, and what the model would take of it."""

    device: str
    room_bytes: int
    """What is free; of the host, all there is."""
    used_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What would be used, and the facts of the model that follow from its file."""

    devices: tuple[Use, ...]
    """Those that hold a part of the model; none where all of it is in RAM."""
    host: Use
    n_layer: int
    n_ctx_train: int
    n_expert: int
    shares: tuple[Share, ...] = ()
    """The same, part by part."""


def measure(config: RunnerConfig) -> Measured | None:
    """None where it can't be told; a model that can't be loaded says so when it is."""
    with log.quiet():
        wanted = params.model_params(config)
        wanted.no_alloc = True
        wanted.load_mode = llama_load_mode.LLAMA_LOAD_MODE_NONE
        try:
            with Model.load(config.path, wanted) as model:
                return _measure_context(model, config)
        except LlamaError:
            return None


def _measure_context(model: Model, config: RunnerConfig) -> Measured | None:
    can_cut = not (model.is_recurrent or model.is_hybrid or model.n_swa > 0)
    n_ctx_train = model.n_ctx_train
    wanted = params.context_params(
        config,
        n_ctx_train,
        can_cut=can_cut,
        sees_all=sees_all(model),
        has_states=model.is_recurrent or model.is_hybrid,
    )
    with Context(model, wanted) as context:
        shares = breakdown.memory_of(context)
    if shares is None:
        return None
    used = {share.device: share.n_bytes for share in shares}
    devices = device.devices()
    host = next(each for each in devices if each.name == HOST)
    arch = model.meta_value("general.architecture")
    return Measured(
        tuple(
            Use(each.name, each.memory_free_bytes, used[each.name])
            for each in devices
            if each.name in used
        ),
        Use(HOST, host.memory_total_bytes, used.get("", 0)),
        model.n_layer,
        n_ctx_train,
        int(model.meta_value(f"{arch}.{EXPERTS_KEY}") or 0),
        tuple(shares),
    )
