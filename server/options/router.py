"""Options of a server that has no model of its own but starts others, one for each model.

The rows tagged as preset only are keys of an INI preset and no flags.
"""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.values import flag
from server.values import integer_in
from server.values import text

_PRESET_ONLY = frozenset({Tag.PRESET_ONLY})

ROUTER = Section("router", "Several models", (
    Option("models_dir", ("--models-dir",), text, "", "DIR", env="LLAMA_ARG_MODELS_DIR",
           help="directory of the models to choose from: GGUF files, and directories for models "
                "of several files"),
    Option("models_preset", ("--models-preset",), text, "", "FILE",
           env="LLAMA_ARG_MODELS_PRESET",
           help="INI file with a section of options for each model; [*] is for all"),
    Option("models_max", ("--models-max",), integer_in(0), 4, "N", env="LLAMA_ARG_MODELS_MAX",
           help="models that may be loaded at the same time; 0 = no limit"),
    Option("models_autoload", ("--models-autoload",), flag, True,
           negated=("--no-models-autoload",), env="LLAMA_ARG_MODELS_AUTOLOAD",
           help="load a model when a request names it"),
    Option("load_on_startup", ("--load-on-startup",), flag, False, "on|off", tags=_PRESET_ONLY,
           help="load this model when the server starts"),
    Option("stop_timeout_s", ("--stop-timeout",), integer_in(0), 10, "SECONDS",
           tags=_PRESET_ONLY,
           help="how long this model's process may take to leave before it is killed"),
    Option("dedup_cache_models", ("--dedup-cache-models",), flag, False, "on|off",
           tags=_PRESET_ONLY,
           help="leave out of the list of models what was fetched before and is named by this "
                "preset too"),
))  # fmt: skip
