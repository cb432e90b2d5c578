"""Settings -> a running engine: the one place that knows both the options and the engine.

Used by every way of serving (the gunicorn worker, any WSGI server, tests). Call it in the process
that serves, after a fork and after monkey-patching.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import replace

from llama_ctypes import log
from server import limits
from server.engine import thread
from server.engine.client import EngineClient
from server.engine.config import EngineConfig
from server.engine.delivery import choose_delivery
from server.engine.llama.config import Fit
from server.engine.llama.config import Placement
from server.engine.llama.config import Positions
from server.engine.llama.config import RunnerConfig
from server.engine.llama.config import Threads
from server.engine.llama.runner import LlamaRunner
from server.engine.mailbox import Mailbox
from server.engine.pulse import Pulse
from server.engine.runner import ModelRunner
from server.models import gguf_file
from server.options.settings import EXPERTS
from server.options.settings import ContextSettings
from server.options.settings import DeviceSettings
from server.options.settings import Settings

DEBUG_VARIABLE = "LLAMA_SERVER_SLOTS_DEBUG"

COMPACT_BYTES = 16 << 20
"""Copied in some milliseconds, before the first token of a request that begins alone."""


def start_engine(
    settings: Settings, pulse: Pulse | None = None, *, is_replacement: bool = False
) -> EngineClient:
    """Start the engine thread and return at once; the model loads meanwhile.

    Follow `client.board`: status, load progress, and what went wrong if it did. pulse: where
    another process looks whether the thread hangs. is_replacement: of an engine that served, so
    that other machines are waited for instead of giving up.
    """
    mailbox = Mailbox(choose_delivery(), pulse)
    config = runner_config(settings)
    config = replace(config, placement=replace(config.placement, waits_for_servers=is_replacement))
    load = functools.partial(_load, config, mailbox)
    thread.start(load, mailbox, engine_config(settings))
    return EngineClient(mailbox)


def runner_config(settings: Settings) -> RunnerConfig:
    """The part of the settings that the model and its context are made from."""
    model, device = settings.model, settings.device
    context, slots, embedding = settings.context, settings.slots, settings.embedding
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
        # texts to embed need sequences of their own beside those of the slots
        kv_unified=embedding.embedding or not slots.has_split_streams,
        n_threads=device.generation_threads,
        n_threads_batch=device.batch_threads,
        threads=threads(device),
        threads_batch=threads_batch(device),
        numa=device.numa,
        placement=placement(device),
        fit=fit(settings),
        n_gpu_layers=device.n_gpu_layers,
        flash_attn=context.flash_attn,
        cache_type_k=context.cache_type_k,
        cache_type_v=context.cache_type_v,
        load_mode=model.effective_load_mode,
        has_room=has_room(settings),
        lazy_mode=model.lazy_mode,
        check_tensors=model.check_tensors,
        lora=model.effective_lora,
        control_vectors=model.control_vectors,
        control_vector_layers=model.control_vector_layers or (0, 0),
        metadata=model.override_kv,
        positions=positions(context),
        embedding=embedding.embedding,
        pooling=embedding.pooling,
        exact_embeddings=embedding.exact_embeddings,
        ubatch_grows=not settings.is_given("n_ubatch"),
        offload_kv=device.kv_offload,
        offload_ops=device.op_offload,
        use_extra_buffers=device.repack,
        swa_full=context.swa_full,
        n_ctx_slot_max=slots.kv_unified_per_slot,
        perf=context.perf,
        warmup=model.warmup,
        special=context.special,
    )


def has_room(settings: Settings) -> bool:
    """Whether RAM has room for weights that stay in it, beside all else that may be in it."""
    kept_mib = max(0, settings.slots.cache_ram_mib)
    return limits.has_room(gguf_file.n_bytes(settings.model.path), kept_mib)


def threads(device: DeviceSettings) -> Threads:
    """How the threads of generation run."""
    return Threads(device.cpu_mask, device.cpu_strict, device.prio, device.poll)


def threads_batch(device: DeviceSettings) -> Threads:
    """How the threads of prompts run: as those of generation, but for what is said of them."""
    strict, prio, poll = device.cpu_strict_batch, device.prio_batch, device.poll_batch
    return Threads(
        device.cpu_mask_batch or device.cpu_mask,
        device.cpu_strict if strict is None else strict,
        device.prio if prio is None else prio,
        device.poll if poll is None else poll,
    )


def placement(device: DeviceSettings) -> Placement:
    """Which devices hold the model, and which part of it."""
    return Placement(
        devices=device.devices,
        rpc_servers=device.rpc_servers,
        split_mode=device.split_mode,
        tensor_split=device.tensor_split,
        main_gpu=device.main_gpu,
        no_host=device.no_host,
        tensor_buffers=device.tensor_buffers,
    )


def fit(settings: Settings) -> Fit | None:
    """How the model is made to fit. An explicit --ctx-size 0 asks for the whole context."""
    device = settings.device
    if not device.fit:
        return None
    keeps_ctx = settings.context.n_ctx == 0 and settings.is_given("n_ctx")
    return Fit(device.fit_target_mib, device.fit_ctx, keeps_ctx, EXPERTS)


def positions(context: ContextSettings) -> Positions:
    """RoPE and YaRN."""
    return Positions(
        rope_scaling=context.rope_scaling,
        rope_freq_base=context.rope_freq_base,
        rope_freq_scale=context.effective_rope_freq_scale,
        yarn_orig_ctx=context.yarn_orig_ctx,
        yarn_ext_factor=context.yarn_ext_factor,
        yarn_attn_factor=context.yarn_attn_factor,
        yarn_beta_fast=context.yarn_beta_fast,
        yarn_beta_slow=context.yarn_beta_slow,
    )


def engine_config(settings: Settings) -> EngineConfig:
    """The part of the settings that the engine itself follows."""
    return EngineConfig(
        slot_prompt_similarity=settings.slots.slot_prompt_similarity,
        host_cache_bytes=host_cache_bytes(settings.slots.cache_ram_mib),
        cache_idle_slots=settings.slots.cache_idle_slots,
        compact_bytes=COMPACT_BYTES if settings.slots.cache_idle_slots else 0,
        max_step_ms=settings.slots.max_step_ms,
        queue_timeout_s=settings.operation.queue_timeout_s,
        joins_running=settings.slots.cont_batching,
        n_checkpoints=settings.slots.n_ctx_checkpoints,
        checkpoint_min_step=settings.slots.checkpoint_min_step,
        context_shift=settings.context.context_shift,
        step_trace=settings.log.step_trace,
        show_text=os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"),
    )


def host_cache_bytes(cache_ram_mib: int) -> int | None:
    """--cache-ram in the engine's terms: None = no limit."""
    return None if cache_ram_mib < 0 else cache_ram_mib << 20


def device_lines() -> Iterator[str]:
    """What --device takes, as llama-server lists it."""
    from server.engine.llama.placement import offload_devices

    devices = offload_devices()
    yield "Available devices:"
    for each in devices:
        total, free = each.memory_total_bytes >> 20, each.memory_free_bytes >> 20
        yield f"  {each.name}: {each.description} ({total} MiB, {free} MiB free)"
    if not devices:
        yield "  (none)"


def _load(config: RunnerConfig, mailbox: Mailbox, on_progress: thread.OnProgress) -> ModelRunner:
    """Engine thread: native code is first touched here."""
    # under gevent, logging's locks must not be taken on a native thread
    log.set_sink(functools.partial(mailbox.log, "llama"))
    return LlamaRunner.load(config, on_progress)
