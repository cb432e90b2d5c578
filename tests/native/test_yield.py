"""ggml's threads give their processor away while they wait for each other (native/ggml/yield.h)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.native.conftest import ROOT

# Threads that never give way need a time slice of the scheduler for each node of the graph.
CROWDED = """
import os
import sys

from llama_ctypes import Batch, Context, Model

os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
model = Model.load(sys.argv[1])
params = Context.default_params()
params.n_threads = params.n_threads_batch = 4
with Context(model, params) as context:
    batch = Batch(context.n_batch)
    for pos in range(200):
        batch.clear()
        batch.add(100, pos, seq_ids=(0,), output=True)
        context.decode(batch)
        context.logits(-1)
"""
CROWDED_S = 20.0
"""It takes 0.3 s if they do give way, and more than a minute if they do not."""


def test_the_wait_loops_of_ggml_are_the_ones_that_yield(pinned_source: Path) -> None:
    ggml = pinned_source / "ggml"
    command: list[str | Path] = [
        *(os.environ.get("CC", "cc"), "-E", "-P", "-D_GNU_SOURCE"),
        *("-include", ROOT / "native" / "ggml" / "yield.h"),
        *("-I", ggml / "include", "-I", ggml / "src", "-I", ggml / "src" / "ggml-cpu"),
        ggml / "src" / "ggml-cpu" / "ggml-cpu.c",
    ]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.count("static inline void llamactl_pause(void) {") == 1
    # the barrier, and the wait for the next graph
    assert done.stdout.count("(llamactl_is_time_to_yield() ? (void) sched_yield() :") == 2


@pytest.mark.model
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors can't be chosen here")
def test_threads_that_share_a_processor_do_not_starve_each_other(tiny_model_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", CROWDED, tiny_model_path],
        cwd=ROOT,
        check=True,
        timeout=CROWDED_S,
    )
