"""What libllama itself gives: decoding of some rows at some context, and nothing else.

A process of its own (`python -m bench.scale.limit`), which loads the model, fills the sequences and
decodes a token of each again and again: what llama-batched-bench of llama.cpp does, with the
libraries that the server uses. No sampling, no text, no HTTP: the line that a server approaches.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.errors import ScenarioFailed
from bench.servers import ROOT

TIMEOUT_S = 300.0
N_WARM = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """Which decoding is to be timed."""

    model: str
    n_rows: int
    n_context: int  # tokens that each row's sequence holds before
    n_ctx: int
    n_threads: int
    n_steps: int = 48


@dataclass(frozen=True, slots=True)
class Limit:
    """What came of it."""

    step_s: float  # the mean, as a rate over a time is one
    prompt_s: float  # of filling all sequences

    def tokens_per_s(self, n_rows: int) -> float:
        """The rate of generation."""
        return n_rows / self.step_s


def ask(asked: Asked) -> Limit:
    """Time it in a process of its own; ScenarioFailed with the process' last words."""
    command = [sys.executable, "-m", "bench.scale.limit", orjson.dumps(asdict(asked)).decode()]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, timeout=TIMEOUT_S, check=False, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise ScenarioFailed(f"libllama's own figure cannot be taken: {last}")
    return Limit(**orjson.loads(done.stdout.splitlines()[-1]))


def ask_llama_bench(program: Path, asked: Asked) -> Limit:
    """What llama.cpp's own llama-bench says of one row; ScenarioFailed."""
    sizes = ["-p", "0", "-n", str(asked.n_steps), "-d", str(asked.n_context), "-r", "1"]
    words = ["-m", asked.model, "-t", str(asked.n_threads), *sizes, "-o", "json"]
    try:
        done = subprocess.run([program, *words], capture_output=True, timeout=TIMEOUT_S, check=True)
        return Limit(1 / float(orjson.loads(done.stdout)[0]["avg_ts"]), 0.0)
    except (OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
        raise ScenarioFailed(f"{program.name} gives no figure: {error}") from error


def measure(asked: Asked) -> Limit:
    """Time it in this process."""
    # Here, because servers that already run are measured without any library of ours.
    from llama_ctypes import Batch
    from llama_ctypes import Context
    from llama_ctypes import Model
    from llama_ctypes.raw.enums import llama_load_mode

    reading = Model.default_params()
    reading.load_mode = llama_load_mode.LLAMA_LOAD_MODE_NONE  # into huge pages, as servers do it
    params = Context.default_params()
    params.n_ctx, params.n_seq_max = asked.n_ctx, asked.n_rows
    params.n_threads = params.n_threads_batch = asked.n_threads
    params.kv_unified = True
    with Model.load(Path(asked.model), reading) as model, Context(model, params) as context:
        batch, n_vocab = Batch(context.n_batch), model.vocab.n_tokens
        prompt = [(7 * i + 300) % n_vocab for i in range(max(1, asked.n_context))]

        def step(pos: int) -> None:
            batch.clear()
            for row in range(asked.n_rows):
                batch.add(prompt[row % len(prompt)], pos, (row,), output=True)
            context.decode(batch)

        start_s = time.perf_counter()
        for row in range(asked.n_rows):
            for first in range(0, len(prompt), context.n_batch):
                part = prompt[first : first + context.n_batch]
                batch.clear()
                batch.extend(part, pos_start=first, seq_id=row, output_last=True)
                context.decode(batch)
        context.synchronize()
        prompt_s = time.perf_counter() - start_s
        for i in range(N_WARM):
            step(len(prompt) + i)
        context.synchronize()
        start_s = time.perf_counter()
        for i in range(asked.n_steps):
            step(len(prompt) + N_WARM + i)
            context.synchronize()
        step_s = (time.perf_counter() - start_s) / asked.n_steps
    return Limit(step_s, prompt_s)


if __name__ == "__main__":
    print(orjson.dumps(asdict(measure(Asked(**orjson.loads(sys.argv[1]))))).decode())
