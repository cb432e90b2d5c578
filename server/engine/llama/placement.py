"""Placement -> the parts of llama_model_params that name devices, buffers and metadata.

Names are looked up here, so that a wrong one is a sentence and not a crash. Answers to
parse_device_list and parse_tensor_buffer_overrides in llama.cpp `common/arg.cpp`.
"""

from __future__ import annotations

import ctypes
import logging
import math
from collections.abc import Sequence

from llama_ctypes import device
from llama_ctypes import log
from llama_ctypes.device import Device
from llama_ctypes.raw.backend import ggml_backend_cpu_buffer_type
from llama_ctypes.raw.device import ggml_backend_dev_type
from llama_ctypes.raw.enums import llama_model_kv_override_type
from llama_ctypes.raw.enums import llama_split_mode
from llama_ctypes.raw.params import llama_model_kv_override
from llama_ctypes.raw.params import llama_model_params
from llama_ctypes.raw.params import llama_model_tensor_buft_override
from llama_ctypes.raw.system import llama_max_devices
from server.engine.errors import LoadFailed
from server.engine.llama import remote
from server.engine.llama.config import Metadata
from server.engine.llama.config import Placement
from server.engine.llama.config import RunnerConfig

SPLIT_MODES = {
    "none": llama_split_mode.LLAMA_SPLIT_MODE_NONE,
    "layer": llama_split_mode.LLAMA_SPLIT_MODE_LAYER,
    "row": llama_split_mode.LLAMA_SPLIT_MODE_ROW,
    "tensor": llama_split_mode.LLAMA_SPLIT_MODE_TENSOR,
}
NO_DEVICE = "none"
CPU_BUFFER = "CPU"


def place(params: llama_model_params, placement: Placement) -> None:
    """Fill in what placement says. LoadFailed names the option that can't be followed."""
    for endpoint in placement.rpc_servers:
        remote.add(endpoint)
    if placement.devices:
        params.devices = device.device_array(_devices(placement.devices))
    params.split_mode = SPLIT_MODES[placement.split_mode]
    params.main_gpu = placement.main_gpu
    params.no_host = placement.no_host
    if placement.tensor_split:
        params.tensor_split = _shares(placement.tensor_split)
    if placement.tensor_buffers:
        params.tensor_buft_overrides = _tensor_overrides(placement.tensor_buffers)


def warn_without_gpu(config: RunnerConfig) -> None:
    """Say so where there is no device for what was asked of one."""
    placement = config.placement
    asks = {
        "--n-gpu-layers": config.n_gpu_layers not in (-1, 0),
        "--split-mode": placement.split_mode in ("none", "row"),
        "--tensor-split": bool(placement.tensor_split),
        "--main-gpu": placement.main_gpu != 0,
    }
    given = [option for option, is_asked in asks.items() if is_asked]
    if given and not offload_devices():
        options = ", ".join(given)
        log.write(logging.WARNING, f"{options}: no effect, as no device but the CPU was found")


def metadata_overrides(
    metadata: Sequence[tuple[str, Metadata]],
) -> ctypes.Array[llama_model_kv_override]:
    """An array that ends with an empty key; the first of equal keys counts."""
    array = (llama_model_kv_override * (len(metadata) + 1))()
    for override, (key, value) in zip(array, metadata, strict=False):
        override.key = key.encode()
        _set_value(override, value)
    return array


def _set_value(override: llama_model_kv_override, value: Metadata) -> None:
    kinds = llama_model_kv_override_type
    match value:
        case bool():
            override.tag, override.val_bool = kinds.LLAMA_KV_OVERRIDE_TYPE_BOOL, value
        case int():
            override.tag, override.val_i64 = kinds.LLAMA_KV_OVERRIDE_TYPE_INT, value
        case float():
            override.tag, override.val_f64 = kinds.LLAMA_KV_OVERRIDE_TYPE_FLOAT, value
        case str():
            override.tag, override.val_str = kinds.LLAMA_KV_OVERRIDE_TYPE_STR, value.encode()


def _devices(names: Sequence[str]) -> list[Device]:
    """The devices of these names; none for the word none."""
    if tuple(names) == (NO_DEVICE,):
        return []
    return [_device(name) for name in names]


def _device(name: str) -> Device:
    usable = offload_devices()
    found = next((each for each in usable if each.name == name), None)
    if found is None:
        names = ", ".join([*(each.name for each in usable), NO_DEVICE])
        raise LoadFailed(f"--device: there is no device {name!r} to offload to; one of: {names}")
    return found


def offload_devices() -> list[Device]:
    """All devices but the CPU."""
    cpu = ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return [each for each in device.devices() if each.type != cpu]


def _shares(shares: Sequence[float]) -> ctypes.Array[ctypes.c_float]:
    """One share for each device that libllama could use, 0 where none was given."""
    n_max = llama_max_devices()
    if len(shares) > n_max:
        raise LoadFailed(f"--tensor-split: {len(shares)} shares, but at most {n_max} devices")
    if not all(math.isfinite(share) and share >= 0 for share in shares):
        raise LoadFailed("--tensor-split: shares must be 0 or more")
    return (ctypes.c_float * n_max)(*shares)


def _tensor_overrides(
    pairs: Sequence[tuple[str, str]],
) -> ctypes.Array[llama_model_tensor_buft_override]:
    """An array that ends with a NULL pattern."""
    known = {CPU_BUFFER: ggml_backend_cpu_buffer_type(), **device.buffer_types()}
    array = (llama_model_tensor_buft_override * (len(pairs) + 1))()
    for override, (pattern, buffer) in zip(array, pairs, strict=False):
        if buffer not in known:
            names = ", ".join(sorted(known))
            raise LoadFailed(f"--override-tensor: no buffer type {buffer!r}; one of: {names}")
        override.pattern = pattern.encode()
        override.buft = known[buffer]
    return array
