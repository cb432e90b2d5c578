"""Options of the slots: how many requests run together and what they keep of each other."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.parsers import directory
from server.options.parsers import idle_seconds
from server.options.parsers import slots
from server.values import flag
from server.values import integer_in
from server.values import number_in

SLOTS = Section("slots", "Slots and caching", (
    Option("n_parallel", ("-np", "--parallel"), slots, -1, "N", env="LLAMA_ARG_N_PARALLEL",
           shown_default="auto", help="slots: requests that run at the same time; -1 = auto"),
    Option("cont_batching", ("-cb", "--cont-batching"), flag, True,
           negated=("-nocb", "--no-cont-batching"), env="LLAMA_ARG_CONT_BATCHING",
           help="let new requests join while others are being answered"),
    Option("kv_unified", ("-kvu", "--kv-unified"), flag, None,
           negated=("-no-kvu", "--no-kv-unified"), env="LLAMA_ARG_KV_UNIFIED",
           shown_default="on if the number of slots is auto",
           help="one KV buffer that all slots share, instead of an equal part for each"),
    Option("kv_unified_per_slot", ("--kv-unified-per-slot",), integer_in(0), 0, "N",
           env="LLAMA_ARG_KV_UNIFIED_PER_SLOT",
           help="the most tokens that one slot may hold; without --ctx-size the context becomes "
                "that times the slots; 0 = no such limit"),
    Option("cache_prompt", ("--cache-prompt",), flag, True, negated=("--no-cache-prompt",),
           env="LLAMA_ARG_CACHE_PROMPT", help="reuse what earlier prompts have in common"),
    Option("n_cache_reuse", ("--cache-reuse",), integer_in(0), 0, "N",
           env="LLAMA_ARG_CACHE_REUSE", tags=frozenset({Tag.REMOTE_PRESET}),
           help="the smallest chunk that is reused by shifting it to another position; 0 = off"),
    Option("slot_prompt_similarity", ("-sps", "--slot-prompt-similarity"), number_in(0, 1), 0.1,
           "SIMILARITY",
           help="how much of a prompt a slot must hold already to be preferred; 0 = off"),
    Option("cache_ram_mib", ("-cram", "--cache-ram"), integer_in(-1), 8192, "MIB",
           env="LLAMA_ARG_CACHE_RAM",
           help="RAM for states of prompts that left the KV cache; -1 = no limit, 0 = off"),
    Option("cache_idle_slots", ("--cache-idle-slots",), flag, True,
           negated=("--no-cache-idle-slots",), env="LLAMA_ARG_CACHE_IDLE_SLOTS",
           help="copy idle prompts to the prompt cache at rest, move them when room is needed"),
    Option("n_ctx_checkpoints", ("-ctxcp", "--ctx-checkpoints", "--swa-checkpoints"),
           integer_in(0), 32, "N", env="LLAMA_ARG_CTX_CHECKPOINTS",
           help="checkpoints kept for each slot of models whose memory can't be cut"),
    Option("checkpoint_min_step", ("-cms", "--checkpoint-min-step"), integer_in(0), 8192, "N",
           env="LLAMA_ARG_CHECKPOINT_MIN_SPACING_NT",
           help="the distance of checkpoints in tokens where no turn ends; 0 = none there"),
    Option("slot_save_path", ("--slot-save-path",), directory, "", "DIR",
           help="directory where /slots saves and restores"),
    Option("sleep_idle_s", ("--sleep-idle-seconds",), idle_seconds, -1, "SECONDS",
           help="free the model after this long without requests; -1 = never"),
    Option("max_step_ms", ("--max-step-ms",), integer_in(1), 100, "MS",
           env="LLAMA_ARG_MAX_STEP_MS", tags=frozenset({Tag.OURS}),
           help="how long one step may take while answers are streaming: the part of a waiting "
                "prompt that it computes is chosen to fit"),
))  # fmt: skip
