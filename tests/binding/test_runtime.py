"""Starting the libraries, devices, thread pools."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llama_ctypes import device
from llama_ctypes import runtime
from llama_ctypes.device import DeviceError
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.model import Model
from llama_ctypes.raw.cpu import ggml_numa_strategy
from llama_ctypes.raw.device import ggml_backend_dev_type
from llama_ctypes.threadpool import Threadpool


def run(code: str) -> str:
    """Output of a fresh interpreter; its errors are ours."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_every_owner_loads_no_library() -> None:
    code = """
import llama_ctypes
for name in dir(llama_ctypes):
    getattr(llama_ctypes, name)
from llama_ctypes import library
print(library.loaded())
"""
    assert run(code) == "None"


def test_unknown_name_is_an_attribute_error() -> None:
    import llama_ctypes

    with pytest.raises(AttributeError, match="no attribute 'Llama'"):
        llama_ctypes.Llama  # noqa: B018


def test_every_exported_name_exists() -> None:
    import llama_ctypes

    assert all(getattr(llama_ctypes, name) is not None for name in llama_ctypes._EXPORTS)


def test_forgotten_objects_do_not_disturb_the_exit(tiny_model_path: str) -> None:
    code = f"""
import llama_ctypes
model = llama_ctypes.Model.load({str(tiny_model_path)!r})
context = llama_ctypes.Context(model)
ring = [context]; ring.append(ring)
print("done")
"""
    assert run(code) == "done"


def test_version_and_system_info_are_texts() -> None:
    assert runtime.version()
    assert "CPU" in runtime.system_info()


def test_support_is_known() -> None:
    assert runtime.supports_gpu_offload() in (True, False)
    assert runtime.supports_rpc() in (True, False)


def test_numa_strategy_can_be_chosen() -> None:
    code = f"""
from llama_ctypes import runtime
runtime.init_numa({int(ggml_numa_strategy.GGML_NUMA_STRATEGY_DISABLED)})
print("ok")
"""
    assert run(code) == "ok"


def test_the_cpu_is_a_device_with_memory() -> None:
    cpu = device.by_name("CPU")
    assert cpu.type == ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    assert cpu.memory_total_bytes > 0
    assert cpu in device.devices()


def test_unknown_device_lists_those_there_are() -> None:
    with pytest.raises(DeviceError, match=r"no device is called 'CUDA7'; there are: .*CPU"):
        device.by_name("CUDA7")


def test_the_cpus_memory_is_a_buffer_type() -> None:
    assert "CPU" in device.buffer_types()


def test_model_loads_on_no_device_but_the_cpu(tiny_model_path: str) -> None:
    params = Model.default_params()
    params.devices = device.device_array([])
    with Model.load(tiny_model_path, params) as model:
        assert model.n_layer == 2


def test_thread_pool_pauses_and_resumes() -> None:
    pool = Threadpool(Threadpool.default_params(2))
    assert pool.n_threads == 2
    pool.pause()
    pool.resume()
    pool.free()
    for use in (pool.free, pool.pause, pool.resume):
        with pytest.raises(UseAfterFree):
            use()
