"""Devices, buffers and remote machines: names are looked up, wrong ones are a sentence."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from llama_ctypes.raw.params import llama_model_params
from server.engine.errors import LoadFailed
from server.engine.llama import params
from server.engine.llama.placement import offload_devices
from server.errors import OptionError
from tests.engine.llama.conftest import Load
from tests.engine.llama.conftest import config_of


def model_params(words: str) -> llama_model_params:
    return params.model_params(config_of(*words.split()))


def patterns(words: str) -> list[bytes]:
    """Patterns of the overrides that libllama gets, up to the NULL."""
    overrides, found = model_params(words).tensor_buft_overrides, []
    while overrides and overrides[len(found)].pattern:
        found.append(overrides[len(found)].pattern)
    return found


def test_tensor_split_is_an_array_with_a_share_for_each_device() -> None:
    shares = model_params("-ts 3,1").tensor_split
    assert [shares[i] for i in range(4)] == [3, 1, 0, 0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("-ts 1,-1", "--tensor-split: shares must be 0 or more"),
        ("-ts " + ",".join("1" * 40), "--tensor-split: 40 shares, but at most"),
        ("-dev NPU9", "--device: there is no device 'NPU9' to offload to; one of: .*none"),
        ("-dev CPU", "--device: there is no device 'CPU' to offload to"),
        ("-ot a=NPU9", "--override-tensor: no buffer type 'NPU9'; one of: .*CPU"),
        ("--rpc nowhere", "--rpc: expected host:port, got 'nowhere'"),
        ("--rpc h:99999", "--rpc: expected host:port"),
    ],
)
def test_what_the_machine_lacks_is_one_sentence(words: str, reason: str) -> None:
    with pytest.raises(LoadFailed, match=reason):
        model_params(words)


def test_pattern_that_is_no_expression_is_refused_before_anything_starts() -> None:
    with pytest.raises(OptionError, match=r"--override-tensor: expected a regular expression"):
        config_of("-ot", "(=CPU")


def test_pattern_that_only_libllama_refuses_is_one_sentence(load: Load) -> None:
    with pytest.raises(LoadFailed, match="could not be loaded: Invalid character class"):
        load("-ot", "[[:foo:]]=CPU")


def test_model_loads_without_any_device(load: Load, told: list[str]) -> None:
    load("-dev", "none", "-ngl", "all")
    assert not any("using device" in line for line in told)


def test_overrides_keep_their_order_and_end() -> None:
    assert patterns(r"-ot blk\.0=CPU,blk\.1=CPU") == [rb"blk\.0", rb"blk\.1"]


def test_tensor_goes_to_the_buffer_of_its_override(load: Load, told: list[str]) -> None:
    load("-lm", "mmap", "-ot", r"blk\.0\.ffn_up=CPU")
    assert any("tensor overrides to CPU are used" in line for line in told)


def test_all_experts_stay_in_ram() -> None:
    assert patterns("--cpu-moe") == [rb"\.ffn_(up|down|gate|gate_up)_(ch|)exps"]


def test_experts_of_the_first_layers_stay_in_ram() -> None:
    expected = [rb"blk\.%d\.ffn_(up|down|gate|gate_up)_(ch|)exps" % i for i in range(2)]
    assert patterns("--n-cpu-moe 2") == expected


def test_dense_weights_of_the_first_layers_stay_in_ram() -> None:
    assert patterns("--n-cpu-ffn 1") == [rb"blk\.0\.ffn_(up|down|gate)\."]


def test_what_was_named_one_by_one_comes_before_whole_layers() -> None:
    assert patterns("--n-cpu-ffn 1 -ot a=CPU")[0] == b"a"


def test_one_is_told_that_there_is_no_gpu(told: list[str]) -> None:
    if offload_devices():
        pytest.skip("this machine has devices to offload to")
    model_params("-ngl 5 -ts 1,2")
    assert told == ["--n-gpu-layers, --tensor-split: no effect, as no device but the CPU was found"]


def test_split_by_tensors_needs_devices_and_says_no_more(load: Load, told: list[str]) -> None:
    if offload_devices():
        pytest.skip("this machine has devices to offload to")
    with pytest.raises(LoadFailed, match="LLAMA_SPLIT_MODE_TENSOR needs >= 1 devices"):
        load("-sm", "tensor")
    assert not any(line.startswith("--") for line in told)


# machines elsewhere


def test_silent_rpc_server_is_one_sentence_and_no_crash() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(LoadFailed, match=f"--rpc: no server answers at 127.0.0.1:{port}: "):
        model_params(f"--rpc 127.0.0.1:{port}")


CLIENT = """
import logging, sys
from llama_ctypes import log
from server.engine.llama.runner import LlamaRunner
from tests.engine.llama.conftest import config_of
log.set_sink(lambda level, line: print(line))
words = ("-c", "256", "-np", "1", "-t", "1", "-ngl", "all", "--fit", "off", "--rpc", sys.argv[1])
LlamaRunner.load(config_of(*words, path=sys.argv[2]), lambda progress: True).close()
"""


def test_model_is_computed_on_another_machine(rpc_server: str, tiny_model_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, rpc_server, str(tiny_model_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"using device RPC0 ({rpc_server})" in done.stdout
    assert f"RPC0[{rpc_server}] model buffer size" in done.stdout
