"""Threads run where and how the options say. Each test has a process: pools change the caller.

The processes are forked of one that has imported what they need and has begun no thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.engine.errors import LoadFailed
from server.engine.llama import threads
from tests.engine.llama.conftest import config_of

CODE = """
import json, os, sys, traceback, _thread
from llama_ctypes import log
from llama_ctypes import library
lines, done, result = [], _thread.allocate_lock(), {}
log.set_sink(lambda level, line: lines.append(line))
from server.engine.llama.runner import LlamaRunner
from tests.engine.llama.conftest import config_of

def cpus(thread):
    return sorted(os.sched_getaffinity(int(thread)))

def work(model, *words):
    before = set(os.listdir("/proc/self/task"))
    config = config_of("-c", "256", "-np", "1", *words, path=model)
    runner = LlamaRunner.load(config, lambda progress: True)
    own = str(_thread.get_native_id())
    started = sorted(set(os.listdir("/proc/self/task")) - before)
    result.update(
        own=cpus(own), own_policy=os.sched_getscheduler(int(own)),
        nice=os.getpriority(os.PRIO_PROCESS, int(own)),
        workers=[cpus(each) for each in started],
        policies=[os.sched_getscheduler(int(each)) for each in started],
    )
    runner.close()
    result["left"] = sorted(set(os.listdir("/proc/self/task")) & set(started))
    done.release()

def try_work(*words):
    try:
        work(*words)
    except BaseException:
        traceback.print_exc()
        os._exit(1)

def tell(*words):
    done.acquire()
    _thread.start_new_thread(try_work, words)
    done.acquire()
    result["lines"] = lines
    print(json.dumps(result), flush=True)

for line in sys.stdin:
    pid = os.fork()
    if not pid:
        tell(*json.loads(line))
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit(f"the process for {line}failed")
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="placement is Linux's")
"""Where threads can be seen from outside."""


Facts = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def facts(tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """What became of the threads of a runner with these options."""
    said = tmp_path_factory.mktemp("threads") / "stderr"
    with (
        said.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        asks, answers = process.stdin, process.stdout

        def ask(words: str) -> dict[str, Any]:
            print(json.dumps([str(tiny_model_path), *words.split()]), file=asks, flush=True)
            answer = answers.readline()
            assert answer, said.read_text(errors="replace")
            result: dict[str, Any] = json.loads(answer)
            return result

        yield ask


def first_cpu() -> int:
    return min(os.sched_getaffinity(0))


def test_threads_are_gone_when_the_model_is(facts: Facts) -> None:
    result = facts("-t 3")
    assert len(result["workers"]) == 2
    assert result["left"] == []


def test_batches_of_prompts_have_threads_of_their_own_where_asked(facts: Facts) -> None:
    assert len(facts("-t 2 -tb 3")["workers"]) == 1 + 2


def test_threads_stay_on_the_cpus_of_the_mask(facts: Facts) -> None:
    cpu = first_cpu()
    result = facts(f"-t 2 -C {1 << cpu:x}")
    assert result["own"] == [cpu]
    assert result["workers"] == [[cpu]]
    assert any("--cpu-mask: 1 CPUs for 2 threads" in line for line in result["lines"])


def test_range_of_cpus_counts_as_a_mask(facts: Facts) -> None:
    cpu = first_cpu()
    assert facts(f"-t 2 -Cr {cpu}-{cpu}")["workers"] == [[cpu]]


def test_prompts_may_have_other_cpus(facts: Facts) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("this machine has one CPU")
    result = facts(f"-t 2 -C {1 << cpus[0]:x} -Cb {1 << cpus[1]:x}")
    assert sorted(result["workers"]) == [[cpus[0]], [cpus[1]]]


def test_strict_threads_have_a_cpu_each(facts: Facts) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("this machine has one CPU")
    result = facts("-t 2 -Cr 0-511 --cpu-strict 1")
    placed = [result["own"], *result["workers"]]
    assert all(len(each) == 1 for each in placed)
    assert placed[0] != placed[1]


def test_low_priority_makes_threads_wait_for_others(facts: Facts) -> None:
    result = facts("-t 2 --prio -1")
    assert result["own_policy"] == os.SCHED_BATCH
    assert result["policies"] == [os.SCHED_BATCH]
    assert result["nice"] >= 5


def test_priority_of_prompts_is_that_of_generation_unless_told() -> None:
    assert config_of("--prio", "2").threads_batch.prio == 2
    assert config_of("--prio", "2", "--prio-batch", "0").threads_batch.prio == 0


def test_polling_is_in_the_params_of_the_pool() -> None:
    config = config_of("--poll", "7", "--poll-batch", "9")
    assert threads.pool_params(config.threads, 2).poll == 7
    assert threads.pool_params(config.threads_batch, 2).poll == 9


def test_mask_without_a_usable_cpu_is_one_sentence() -> None:
    cpu = max(os.sched_getaffinity(0)) + 60
    with pytest.raises(LoadFailed, match="--cpu-mask: this process may run on none of these CPUs"):
        threads.prepare(config_of("-C", f"{1 << cpu:x}"))


@pytest.mark.parametrize("strategy", ["distribute", "isolate", "numactl"])
def test_numa_strategy_is_set_before_the_model_is_loaded(
    tiny_model_path: Path, strategy: str
) -> None:
    code = """
import sys
from llama_ctypes.raw import cpu
from server.engine.llama.runner import LlamaRunner
from tests.engine.llama.conftest import config_of
words = ("-c", "256", "-np", "1", "-t", "1", "--numa", sys.argv[2])
LlamaRunner.load(config_of(*words, path=sys.argv[1]), lambda progress: True).close()
cpu.ggml_numa_init(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_model_path), strategy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if not Path("/sys/devices/system/node/node0").exists():
        pytest.skip("this kernel shows no NUMA nodes")
    assert "NUMA already initialized" in done.stderr
