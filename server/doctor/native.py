"""Asks the native libraries, in a process of its own: what does not fit this machine kills it.

The process loads the libraries, lists devices and lays the model out. Its answers are values.
"""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from server.doctor.layout import Layout
from server.doctor.layout import Part

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from server.engine.llama.config import RunnerConfig

ANSWER_S = 300
"""For the slowest disk: libllama reads the file's metadata, not its weights."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device as libggml describes it."""

    name: str
    description: str
    total_bytes: int
    free_bytes: int
    is_cpu: bool


@dataclass(frozen=True, slots=True)
class NativeFacts:
    """What the libraries said. problem: why they said no more; '' = they said all."""

    libraries: str = ""
    devices: tuple[DeviceFacts, ...] = ()
    layout: Layout | None = None
    notes: tuple[str, ...] = ()
    """What --fit changed."""
    problem: str = ""


def ask(config: RunnerConfig | None) -> NativeFacts:
    """The answers; config: of the model to lay out."""
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(sender, config), daemon=True)
    child.start()
    sender.close()
    try:
        if not receiver.poll(ANSWER_S):
            child.kill()
            return NativeFacts(problem=f"no answer within {ANSWER_S} seconds; is the disk there?")
        facts: NativeFacts = receiver.recv()
        return facts
    except EOFError:
        child.join()
        return NativeFacts(problem=death(child.exitcode or 0))
    finally:
        child.join()
        receiver.close()


def death(exit_code: int) -> str:
    """How the process ended that should have answered."""
    if exit_code == -signal.SIGILL:
        return (
            "the libraries were built for another processor than this one; "
            "run ./build_native.sh here, or build them with -DGGML_NATIVE=OFF"
        )
    how = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
    return f"the libraries ended the process that asked them ({how}); run ./build_native.sh --clean"


def _answer(sender: Connection, config: RunnerConfig | None) -> None:
    """In the child."""
    from llama_ctypes.errors import LlamaError
    from server.engine.errors import LoadFailed

    try:
        facts = _facts(config)
    except (LlamaError, LoadFailed) as error:
        facts = NativeFacts(problem=str(error))
    sender.send(facts)
    sender.close()


def _facts(config: RunnerConfig | None) -> NativeFacts:
    from llama_ctypes import abi
    from llama_ctypes import device
    from llama_ctypes import library
    from llama_ctypes import log
    from server.engine.llama.placement import offload_devices

    notes: list[str] = []
    log.set_sink(lambda level, line: notes.append(line) if level >= logging.WARNING else None)
    loaded = library.load()
    # first: devices of other machines (--rpc) are known only after it
    layout = None if config is None else _layout(config)
    usable = {each.name for each in offload_devices()}
    devices = tuple(
        DeviceFacts(
            each.name,
            each.description.strip(),
            each.memory_total_bytes,
            each.memory_free_bytes,
            each.name not in usable,
        )
        for each in device.devices()
    )
    stamp = abi.probe_hash()[:12]
    text = f"llama.cpp {loaded.commit} in {loaded.directory}, ABI stamp {stamp}"
    fits = tuple(line.strip() for line in notes if line.startswith("--"))
    return NativeFacts(text, devices, layout, fits)


def _layout(config: RunnerConfig) -> Layout | None:
    from server.engine.llama.fit import fit_to_memory
    from server.engine.llama.measure import measure

    config = fit_to_memory(config)
    measured = measure(config)
    if measured is None:
        return None
    parts = tuple(
        Part(each.device, each.model_bytes, each.context_bytes, each.compute_bytes)
        for each in measured.shares
    )
    return Layout(config.n_ctx or measured.n_ctx_train, config.n_slots, parts)
