"""Settings -> a running engine: the one place that knows both the options and the engine.

Used by every way of serving (the gunicorn worker, any WSGI server, tests). Call it in the process
that serves, after a fork and after monkey-patching.
"""

from __future__ import annotations

import functools
import os

from server.engine import thread
from server.engine.client import EngineClient
from server.engine.delivery import choose_delivery
from server.engine.engine import EngineConfig
from server.engine.llama.config import RunnerConfig
from server.engine.mailbox import Mailbox
from server.engine.runner import ModelRunner
from server.options.settings import Settings

DEBUG_VARIABLE = "LLAMA_SERVER_SLOTS_DEBUG"


def start_engine(settings: Settings) -> EngineClient:
    """Start the engine thread and return at once; the model loads meanwhile.

    Follow `client.board`: status, load progress, and what went wrong if it did.
    """
    mailbox = Mailbox(choose_delivery())
    load = functools.partial(_load, runner_config(settings), mailbox)
    thread.start(load, mailbox, engine_config(settings))
    return EngineClient(mailbox)


def runner_config(settings: Settings) -> RunnerConfig:
    """The part of the settings that the model and its context are made from."""
    model, device = settings.model, settings.device
    context, slots = settings.context, settings.slots
    n_ctx = context.n_ctx
    if slots.kv_unified_per_slot > 0 and not settings.is_given("n_ctx"):
        n_ctx = slots.n_slots * slots.kv_unified_per_slot
    return RunnerConfig(
        path=model.path,
        n_ctx=n_ctx,
        n_batch=context.n_batch,
        n_ubatch=context.n_ubatch,
        n_slots=slots.n_slots,
        splits_context=slots.is_context_divided,
        kv_unified=not slots.has_split_streams,
        n_threads=device.generation_threads,
        n_threads_batch=device.batch_threads,
        poll=device.poll,
        n_gpu_layers=device.n_gpu_layers,
        flash_attn=context.flash_attn,
        cache_type_k=context.cache_type_k,
        cache_type_v=context.cache_type_v,
        load_mode=model.effective_load_mode,
        check_tensors=model.check_tensors,
        offload_kv=device.kv_offload,
        offload_ops=device.op_offload,
        use_extra_buffers=device.repack,
        swa_full=context.swa_full,
        warmup=model.warmup,
        special=context.special,
    )


def engine_config(settings: Settings) -> EngineConfig:
    """The part of the settings that the engine itself follows."""
    return EngineConfig(
        slot_prompt_similarity=settings.slots.slot_prompt_similarity,
        host_cache_bytes=host_cache_bytes(settings.slots.cache_ram_mib),
        cache_idle_slots=settings.slots.cache_idle_slots,
        max_step_ms=settings.slots.max_step_ms,
        context_shift=settings.context.context_shift,
        show_text=os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"),
    )


def host_cache_bytes(cache_ram_mib: int) -> int | None:
    """--cache-ram in the engine's terms: None = no limit."""
    return None if cache_ram_mib < 0 else cache_ram_mib << 20


def _load(config: RunnerConfig, mailbox: Mailbox, on_progress: thread.OnProgress) -> ModelRunner:
    """Engine thread: native code is first touched here."""
    from llama_ctypes import log
    from server.engine.llama.runner import LlamaRunner

    # under gevent, logging's locks must not be taken on a native thread
    log.set_sink(functools.partial(mailbox.log, "llama"))
    return LlamaRunner.load(config, on_progress)
