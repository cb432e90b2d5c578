"""Options of speculative decoding: what drafts, how much, and where a draft model runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from server.options.context import CACHE_TYPES
from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.option import concat
from server.options.parsers import GPU_LAYERS_AUTO
from server.options.parsers import cpu_mask
from server.options.parsers import cpu_range
from server.options.parsers import drafters
from server.options.parsers import gpu_layers
from server.options.parsers import tensor_overrides
from server.options.parsers import threads
from server.values import flag
from server.values import integer
from server.values import integer_in
from server.values import number
from server.values import numbers
from server.values import one_of
from server.values import stripped_list
from server.values import text

DRAFTERS = (
    "none",
    "draft-simple",
    "draft-eagle3",
    "draft-mtp",
    "draft-dflash",
    "draft-dspark",
    "ngram-simple",
    "ngram-map-k",
    "ngram-map-k4v",
    "ngram-mod",
    "ngram-cache",
)

_NGRAM = integer_in(1, 1024)
_REMOVED = frozenset({Tag.REMOVED})

_DRAFTING = (
    Option("drafters", ("--spec-type",), drafters(*DRAFTERS), (), "NAMES",
           env="LLAMA_ARG_SPEC_TYPE", merge=concat, shown_default="none",
           help=f"what drafts tokens, comma-separated: {', '.join(DRAFTERS)}"),
    Option("draft_n_max", ("--spec-draft-n-max",), integer_in(0), 3, "N",
           env="LLAMA_ARG_SPEC_DRAFT_N_MAX", help="the most tokens of a draft"),
    Option("draft_n_min", ("--spec-draft-n-min",), integer, 0, "N",
           env="LLAMA_ARG_SPEC_DRAFT_N_MIN", help="the least tokens of a draft that is used"),
    Option("draft_p_split", ("--spec-draft-p-split", "--draft-p-split"), number, 0.1, "P",
           env="LLAMA_ARG_SPEC_DRAFT_P_SPLIT",
           help="the probability from which a draft branches"),
    Option("draft_p_min", ("--spec-draft-p-min", "--draft-p-min"), number, 0.0, "P",
           env="LLAMA_ARG_SPEC_DRAFT_P_MIN",
           help="the probability below which a draft ends"),
    Option("synth_len", ("--spec-synth-len",), number, -1.0, "L",
           env="LLAMA_ARG_SPEC_SYNTH_LEN", shown_default="off",
           help="for measurements: accept so many tokens on average, whatever the drafts are"),
    Option("synth_rates", ("--spec-synth-rates",), numbers, (), "P0,P1,...",
           env="LLAMA_ARG_SPEC_SYNTH_RATES",
           help="for measurements: accept each position with this probability"),
)  # fmt: skip

_DRAFT_MODEL = (
    Option("draft_model", ("--spec-draft-model", "-md", "--model-draft"), text, "", "FILE",
           env="LLAMA_ARG_SPEC_DRAFT_MODEL",
           help="the draft model's GGUF file; with --spec-draft-hf the file to fetch from there"),
    Option("draft_hf_repo", ("--spec-draft-hf", "-hfd", "-hfrd", "--hf-repo-draft"), text, "",
           "USER/MODEL[:QUANT]", env="LLAMA_ARG_SPEC_DRAFT_HF_REPO",
           tags=frozenset({Tag.REMOTE_PRESET}), help="as --hf-repo, for the draft model"),
    Option("draft_n_gpu_layers",
           ("--spec-draft-ngl", "-ngld", "--gpu-layers-draft", "--n-gpu-layers-draft"),
           gpu_layers, GPU_LAYERS_AUTO, "N", env="LLAMA_ARG_N_GPU_LAYERS_DRAFT",
           shown_default="auto", help="as --gpu-layers, for the draft model"),
    Option("draft_devices", ("--spec-draft-device", "-devd", "--device-draft"), stripped_list, (),
           "NAMES", shown_default="as --device", help="as --device, for the draft model"),
    Option("draft_override_tensor",
           ("--spec-draft-override-tensor", "-otd", "--override-tensor-draft"), tensor_overrides,
           (), "PATTERN=BUFFER,...", merge=concat,
           help="as --override-tensor, for the draft model"),
    Option("draft_cpu_moe", ("--spec-draft-cpu-moe", "-cmoed", "--cpu-moe-draft"), flag, False,
           env="LLAMA_ARG_SPEC_DRAFT_CPU_MOE", help="as --cpu-moe, for the draft model"),
    Option("draft_n_cpu_moe",
           ("--spec-draft-n-cpu-moe", "--spec-draft-ncmoe", "-ncmoed", "--n-cpu-moe-draft"),
           integer_in(0), 0, "N", env="LLAMA_ARG_SPEC_DRAFT_N_CPU_MOE",
           help="as --n-cpu-moe, for the draft model"),
    Option("draft_backend_sampling", ("--spec-draft-backend-sampling",), flag, True,
           negated=("--no-spec-draft-backend-sampling",),
           env="LLAMA_ARG_SPEC_DRAFT_BACKEND_SAMPLING",
           help="sample the draft model's tokens on its device"),
    Option("draft_n_threads", ("--spec-draft-threads", "-td", "--threads-draft"), threads, None,
           "N", shown_default="as --threads", help="as --threads, for the draft model"),
    Option("draft_n_threads_batch",
           ("--spec-draft-threads-batch", "-tbd", "--threads-batch-draft"), threads, None, "N",
           shown_default="as --spec-draft-threads",
           help="as --threads-batch, for the draft model"),
    Option("draft_cpu_mask", ("--spec-draft-cpu-mask", "-Cd", "--cpu-mask-draft"), cpu_mask, (),
           "MASK", merge=concat, shown_default="as --cpu-mask",
           help="as --cpu-mask, for the draft model"),
    Option("draft_cpu_range", ("--spec-draft-cpu-range", "-Crd", "--cpu-range-draft"), cpu_range,
           (), "LO-HI", fills="draft_cpu_mask", merge=concat,
           help="as --cpu-range, for the draft model; adds to --spec-draft-cpu-mask"),
    Option("draft_cpu_strict", ("--spec-draft-cpu-strict", "--cpu-strict-draft"), flag, None,
           "0|1", shown_default="as --cpu-strict", help="as --cpu-strict, for the draft model"),
    Option("draft_prio", ("--spec-draft-prio", "--prio-draft"), integer_in(0, 3), None, "N",
           shown_default="as --prio", help="as --prio, for the draft model"),
    Option("draft_poll", ("--spec-draft-poll", "--poll-draft"), integer_in(0, 100), None,
           "0..100", shown_default="as --poll", help="as --poll, for the draft model"),
    Option("draft_cpu_mask_batch",
           ("--spec-draft-cpu-mask-batch", "-Cbd", "--cpu-mask-batch-draft"), cpu_mask, (),
           "MASK", merge=concat, shown_default="as --cpu-mask-batch",
           help="as --cpu-mask-batch, for the draft model"),
    Option("draft_cpu_strict_batch",
           ("--spec-draft-cpu-strict-batch", "--cpu-strict-batch-draft"), flag, None, "0|1",
           shown_default="as --spec-draft-cpu-strict",
           help="as --cpu-strict-batch, for the draft model"),
    Option("draft_prio_batch", ("--spec-draft-prio-batch", "--prio-batch-draft"),
           integer_in(0, 3), None, "N", shown_default="as --spec-draft-prio",
           help="as --prio-batch, for the draft model"),
    Option("draft_poll_batch", ("--spec-draft-poll-batch", "--poll-batch-draft"),
           integer_in(0, 100), None, "0..100", shown_default="as --spec-draft-poll",
           help="as --poll-batch, for the draft model"),
)  # fmt: skip


def _ngram_rows(drafter: str) -> Iterator[Option]:
    """The three options that each of the n-gram maps has."""
    key = drafter.replace("-", "_")
    yield Option(f"{key}_size_n", (f"--spec-{drafter}-size-n",), _NGRAM, 12, "N",
                 help=f"{drafter}: how many of the last tokens are looked up")  # fmt: skip
    yield Option(f"{key}_size_m", (f"--spec-{drafter}-size-m",), _NGRAM, 48, "N",
                 help=f"{drafter}: how many tokens are drafted")  # fmt: skip
    yield Option(f"{key}_min_hits", (f"--spec-{drafter}-min-hits",), integer_in(1), 1, "N",
                 help=f"{drafter}: how often they must have been found")  # fmt: skip


_NGRAMS = (
    Option("ngram_mod_n_match", ("--spec-ngram-mod-n-match",), _NGRAM, 24, "N",
           help="ngram-mod: how many of the last tokens are looked up"),
    Option("ngram_mod_n_min", ("--spec-ngram-mod-n-min",), integer_in(0, 1024), 48, "N",
           help="ngram-mod: the least tokens of a draft"),
    Option("ngram_mod_n_max", ("--spec-ngram-mod-n-max",), integer_in(0, 1024), 64, "N",
           help="ngram-mod: the most tokens of a draft"),
    *_ngram_rows("ngram-simple"),
    *_ngram_rows("ngram-map-k"),
    *_ngram_rows("ngram-map-k4v"),
)  # fmt: skip

_GONE = (
    Option("gone_draft_max", ("--draft", "--draft-n", "--draft-max"), text, None, "N",
           env="LLAMA_ARG_DRAFT_MAX", tags=_REMOVED, help="the most tokens of a draft",
           message="use --spec-draft-n-max or --spec-ngram-mod-n-max"),
    Option("gone_draft_min", ("--draft-min", "--draft-n-min"), text, None, "N",
           env="LLAMA_ARG_DRAFT_MIN", tags=_REMOVED, help="the least tokens of a draft",
           message="use --spec-draft-n-min or --spec-ngram-mod-n-min"),
    Option("gone_ngram_size_n", ("--spec-ngram-size-n",), text, None, "N", tags=_REMOVED,
           help="how many of the last tokens are looked up",
           message="use the --spec-ngram-...-size-n of the drafter, or --spec-ngram-mod-n-match"),
    Option("gone_ngram_size_m", ("--spec-ngram-size-m",), text, None, "N", tags=_REMOVED,
           help="how many tokens are drafted",
           message="use the --spec-ngram-...-size-m of the drafter"),
    Option("gone_ngram_min_hits", ("--spec-ngram-min-hits",), text, None, "N", tags=_REMOVED,
           help="how often tokens must have been found to be drafted",
           message="use the --spec-ngram-...-min-hits of the drafter"),
)  # fmt: skip

_TAGGED = tuple(
    replace(row, tags=row.tags | {Tag.SPECULATIVE})
    for row in (*_DRAFTING, *_DRAFT_MODEL, *_NGRAMS, *_GONE)
)

# llama-server counts these among its general options.
_UNTAGGED = (
    Option("draft_cache_type_k", ("--spec-draft-type-k", "-ctkd", "--cache-type-k-draft"),
           one_of(*CACHE_TYPES), "f16", "TYPE", env="LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K",
           help="as --cache-type-k, for the draft model"),
    Option("draft_cache_type_v", ("--spec-draft-type-v", "-ctvd", "--cache-type-v-draft"),
           one_of(*CACHE_TYPES), "f16", "TYPE", env="LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_V",
           help="as --cache-type-v, for the draft model"),
    Option("lookup_cache_static", ("-lcs", "--lookup-cache-static"), text, "", "FILE",
           help="ngram-cache: file of a lookup cache that is only read"),
    Option("lookup_cache_dynamic", ("-lcd", "--lookup-cache-dynamic"), text, "", "FILE",
           help="ngram-cache: file of a lookup cache that answers add to"),
    Option("spec_default", ("--spec-default",), flag, False,
           expands=(("drafters", "ngram-mod"), ("ngram_mod_n_match", "24"),
                    ("ngram_mod_n_min", "48"), ("ngram_mod_n_max", "64")),
           help="draft with ngram-mod and its defaults"),
)  # fmt: skip

SPECULATIVE = Section("speculative", "Speculative decoding", (*_TAGGED, *_UNTAGGED))
