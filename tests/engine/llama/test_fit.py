"""--fit: what was not set becomes smaller until the model fits; what was set stays."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from server.engine.llama.config import RunnerConfig
from server.engine.llama.fit import MIB
from server.engine.llama.fit import fitted
from server.engine.llama.measure import Measured
from server.engine.llama.measure import Use
from server.engine.llama.measure import measure
from server.engine.llama.runner import LlamaRunner
from tests.engine.llama.conftest import config_of

N_LAYER = 10
N_CTX_TRAIN = 8192


class Machine:
    """Layers of 100 MiB, of which 80 are experts where there are any; 1 MiB for 64 tokens."""

    def __init__(self, *rooms_mib: int, n_expert: int = 0, host_mib: int = 100_000) -> None:
        self.rooms_mib = rooms_mib
        self.n_expert = n_expert
        self.host_mib = host_mib
        self.n_measured = 0

    def __call__(self, config: RunnerConfig) -> Measured:
        self.n_measured += 1
        n_ctx = config.n_ctx or N_CTX_TRAIN
        n_layers = N_LAYER + 1 if config.n_gpu_layers < 0 else config.n_gpu_layers
        weights = 100 * n_layers - 80 * len(config.placement.tensor_buffers)
        total = weights + n_ctx // 64
        used = total // max(1, len(self.rooms_mib))
        return Measured(
            tuple(Use(f"GPU{i}", room * MIB, used * MIB) for i, room in enumerate(self.rooms_mib)),
            Use("CPU", self.host_mib * MIB, (1100 + n_ctx // 64) * MIB),
            N_LAYER,
            N_CTX_TRAIN,
            self.n_expert,
        )


def fit(machine: Machine, *words: str) -> RunnerConfig:
    return fitted(config_of("-fitt", "0", "-fitc", "1024", *words), machine)


FULL_MIB = 1100 + N_CTX_TRAIN // 64


def test_what_fits_stays_as_it_is() -> None:
    machine = Machine(FULL_MIB)
    assert fit(machine) == config_of("-fitt", "0", "-fitc", "1024")
    assert machine.n_measured == 1


def test_context_shrinks_as_far_as_needed() -> None:
    assert fit(Machine(FULL_MIB - 10)).n_ctx == N_CTX_TRAIN - 768  # 256 tokens are 4 MiB
    assert fit(Machine(FULL_MIB - 10)).n_gpu_layers == -1


def test_margin_stays_free() -> None:
    with_margin = fitted(config_of("-fitt", "10", "-fitc", "1024"), Machine(FULL_MIB))
    assert with_margin.n_ctx == fit(Machine(FULL_MIB - 10)).n_ctx


def test_each_device_has_its_own_margin() -> None:
    machine = Machine(FULL_MIB // 2, FULL_MIB // 2)
    config = fitted(config_of("-fitt", "0,100", "-fitc", "1024"), machine)
    assert machine(config).devices[1].used_bytes <= (FULL_MIB // 2 - 100) * MIB


def test_context_that_was_set_stays() -> None:
    fit_config = fit(Machine(FULL_MIB - 10), "-c", str(N_CTX_TRAIN))
    assert fit_config.n_ctx == N_CTX_TRAIN
    assert fit_config.n_gpu_layers == N_LAYER


def test_whole_context_that_was_asked_for_stays() -> None:
    assert fit(Machine(FULL_MIB - 10), "-c", "0").n_ctx == 0


def test_context_keeps_its_least_size() -> None:
    assert fit(Machine(600)).n_ctx == 1024


def test_layers_leave_the_device_when_the_context_can_not_shrink_further() -> None:
    config = fit(Machine(600))
    assert config.n_gpu_layers == 5
    assert Machine(600)(config).devices[0].used_bytes <= 600 * MIB


def test_experts_leave_the_device_before_layers_do() -> None:
    config = fit(Machine(600, n_expert=8))
    assert config.n_gpu_layers == -1
    patterns = [pattern for pattern, _ in config.placement.tensor_buffers]
    assert len(patterns) == 7
    assert patterns[0] == r"blk\.0\.ffn_(up|down|gate|gate_up)_(ch|)exps"


def test_layers_leave_too_where_all_experts_do_not_suffice() -> None:
    machine = Machine(200, n_expert=8)
    config = fit(machine)
    assert len(config.placement.tensor_buffers) == N_LAYER
    assert 0 <= config.n_gpu_layers <= N_LAYER


@pytest.mark.parametrize("words", ["-ngl 11", "-ts 1,1", "-ot a=CPU", "-sm row", "-ngl all"])
def test_placement_that_was_chosen_stays(words: str) -> None:
    given = config_of(*words.split())
    config = fit(Machine(300), *words.split())
    assert config.n_gpu_layers == given.n_gpu_layers
    assert config.placement == given.placement


def test_tensors_split_by_device_are_left_alone() -> None:
    machine = Machine(300)
    fit(machine, "-sm", "tensor")
    assert machine.n_measured == 0


def test_nothing_is_measured_where_it_was_switched_off() -> None:
    machine = Machine(300)
    fit(machine, "--fit", "off")
    assert machine.n_measured == 0


def test_without_devices_the_context_must_fit_into_ram() -> None:
    assert fit(Machine(host_mib=FULL_MIB - 10)).n_ctx == N_CTX_TRAIN - 768
    assert fit(Machine(host_mib=FULL_MIB)).n_ctx == 0


def test_each_slot_has_a_whole_context_where_they_do_not_share_it() -> None:
    assert fit(Machine(), "-np", "2").n_ctx == 2 * N_CTX_TRAIN
    assert fit(Machine(), "-np", "2", "--kv-unified").n_ctx == 0


def test_one_is_told_what_became_smaller(told: list[str]) -> None:
    fit(Machine(600))
    assert told == [
        "--fit: a context of 1024 tokens instead of 8192",
        "--fit: 5 of 11 layers on the devices",
    ]


def test_one_is_told_what_does_not_fit(told: list[str]) -> None:
    fit(Machine(host_mib=1000), "-c", "1024")
    assert told == ["--fit: the model takes 116 MiB more than --fit-target leaves"]


# with libllama


def test_measuring_tells_what_a_model_takes(tiny_model_path: Path) -> None:
    small = config_of("-c", "256", path=str(tiny_model_path))
    large = replace(small, n_ctx=4096)
    found, more = measure(small), measure(large)
    assert found is not None and more is not None
    assert (found.n_layer, found.n_ctx_train, found.n_expert) == (2, 512, 0)
    per_token = 2 * 2 * 32 * 2  # K and V, layers, their width, bytes
    grown = sum(use.used_bytes for use in (*more.devices, more.host))
    grown -= sum(use.used_bytes for use in (*found.devices, found.host))
    assert grown >= (4096 - 256) * per_token


def test_measuring_says_nothing(tiny_model_path: Path, told: list[str]) -> None:
    measure(config_of("-ngl", "5", path=str(tiny_model_path)))
    assert told == []


def test_model_that_can_not_be_loaded_is_not_measured() -> None:
    assert measure(config_of(path="/nowhere.gguf")) is None


def test_runner_gives_each_slot_the_whole_context(tiny_model_path: Path) -> None:
    config = config_of("-np", "2", "-t", "1", path=str(tiny_model_path))
    runner = LlamaRunner.load(config, lambda progress: True)
    assert (runner.info.n_ctx, runner.info.n_ctx_slot) == (1024, 512)
    runner.close()


CLIENT = """
import sys
from llama_ctypes import log
from server.engine.llama.runner import LlamaRunner
from tests.engine.llama.conftest import config_of
log.set_sink(lambda level, line: print(line))
words = ("-c", "256", "-t", "1", "-fitt", "900000000", "--rpc", sys.argv[1])
LlamaRunner.load(config_of(*words, path=sys.argv[2]), lambda progress: True).close()
"""


def test_layers_leave_a_real_device_without_room(rpc_server: str, tiny_model_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, rpc_server, str(tiny_model_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "--fit: 0 of 3 layers on the devices" in lines
    assert [line for line in lines if "offloaded" in line][-1].endswith("0/3 layers to GPU")
