"""Options of the context: its size, its KV cache, positions, and how long answers may get."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.option import concat
from server.values import flag
from server.values import integer
from server.values import integer_in
from server.values import number
from server.values import number_in
from server.values import on_off_auto
from server.values import one_of
from server.values import one_text
from server.values import positive_number
from server.values import text

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")

CONTEXT = Section("context", "Context and generation", (
    Option("n_ctx", ("-c", "--ctx-size"), integer_in(0), 0, "N", env="LLAMA_ARG_CTX_SIZE",
           help="tokens that the context holds, all slots together; 0 = as the model was trained"),
    Option("n_predict", ("-n", "--predict", "--n-predict"), integer, -1, "N",
           env="LLAMA_ARG_N_PREDICT",
           help="the most tokens an answer may have if its request sets no limit; -1 = any number"),
    Option("n_batch", ("-b", "--batch-size"), integer_in(1), 2048, "N", env="LLAMA_ARG_BATCH",
           tags=frozenset({Tag.REMOTE_PRESET}), help="the most tokens in one logical batch"),
    Option("n_ubatch", ("-ub", "--ubatch-size"), integer_in(1), 512, "N", env="LLAMA_ARG_UBATCH",
           tags=frozenset({Tag.REMOTE_PRESET}), help="the most tokens computed at once"),
    Option("n_keep", ("--keep",), integer_in(-1), 0, "N",
           help="tokens of the prompt that survive a context shift; -1 = all"),
    Option("context_shift", ("--context-shift",), flag, False, negated=("--no-context-shift",),
           env="LLAMA_ARG_CONTEXT_SHIFT",
           help="drop old tokens when the context is full, so that generation can go on"),
    Option("flash_attn", ("-fa", "--flash-attn"), on_off_auto, "auto", "on|off|auto",
           env="LLAMA_ARG_FLASH_ATTN", help="use flash attention"),
    Option("cache_type_k", ("-ctk", "--cache-type-k"), one_of(*CACHE_TYPES), "f16", "TYPE",
           env="LLAMA_ARG_CACHE_TYPE_K",
           help=f"data type of the K cache: {', '.join(CACHE_TYPES)}"),
    Option("cache_type_v", ("-ctv", "--cache-type-v"), one_of(*CACHE_TYPES), "f16", "TYPE",
           env="LLAMA_ARG_CACHE_TYPE_V", help="data type of the V cache, as --cache-type-k"),
    Option("swa_full", ("--swa-full",), flag, False, env="LLAMA_ARG_SWA_FULL",
           help="keep the whole cache of models with sliding-window attention"),
    Option("rope_scaling", ("--rope-scaling",), one_of("none", "linear", "yarn"), "", "METHOD",
           env="LLAMA_ARG_ROPE_SCALING_TYPE", shown_default="from the model",
           help="how RoPE frequencies are scaled: none, linear or yarn"),
    Option("rope_scale", ("--rope-scale",), positive_number, None, "N",
           env="LLAMA_ARG_ROPE_SCALE", shown_default="from the model",
           help="stretch the context by this factor; the same as --rope-freq-scale 1/N"),
    Option("rope_freq_base", ("--rope-freq-base",), number_in(0), 0.0, "N",
           env="LLAMA_ARG_ROPE_FREQ_BASE", shown_default="from the model",
           help="RoPE base frequency"),
    Option("rope_freq_scale", ("--rope-freq-scale",), number_in(0), 0.0, "N",
           env="LLAMA_ARG_ROPE_FREQ_SCALE", shown_default="from the model",
           help="RoPE frequency scale; 1/N stretches the context N times"),
    Option("yarn_orig_ctx", ("--yarn-orig-ctx",), integer_in(0), 0, "N",
           env="LLAMA_ARG_YARN_ORIG_CTX",
           help="YaRN: the context that the model was trained with; 0 = from the model"),
    Option("yarn_ext_factor", ("--yarn-ext-factor",), number, -1.0, "N",
           env="LLAMA_ARG_YARN_EXT_FACTOR",
           help="YaRN: share of extrapolation; 0 = interpolate only, below 0 = from the model"),
    Option("yarn_attn_factor", ("--yarn-attn-factor",), number, -1.0, "N",
           env="LLAMA_ARG_YARN_ATTN_FACTOR", help="YaRN: magnitude of attention"),
    Option("yarn_beta_slow", ("--yarn-beta-slow",), number, -1.0, "N",
           env="LLAMA_ARG_YARN_BETA_SLOW", help="YaRN: high correction dimension (alpha)"),
    Option("yarn_beta_fast", ("--yarn-beta-fast",), number, -1.0, "N",
           env="LLAMA_ARG_YARN_BETA_FAST", help="YaRN: low correction dimension (beta)"),
    Option("antiprompt", ("-r", "--reverse-prompt"), one_text, (), "TEXT", merge=concat,
           help="stop at this text where a request names no stop strings; may be repeated"),
    Option("special", ("-sp", "--special"), flag, False,
           help="show the text of special tokens in answers"),
    Option("escape", ("-e", "--escape"), flag, True, negated=("--no-escape",),
           help=r"replace \n, \r, \t, \', \", \\ and \xHH in texts given on the command line"),
    Option("spm_infill", ("--spm-infill",), flag, False,
           help="order infill prompts as suffix, prefix, middle"),
    Option("perf", ("--perf",), flag, False, negated=("--no-perf",), env="LLAMA_ARG_PERF",
           help="let libllama measure its own timings; they are logged at the end, from -lv 4 on"),
    Option("defrag_thold", ("-dt", "--defrag-thold"), text, None, "N",
           env="LLAMA_ARG_DEFRAG_THOLD", tags=frozenset({Tag.DEPRECATED}),
           help="has no effect any more", message="the KV cache needs no defragmentation any more"),
))  # fmt: skip
