"""The sampling that a GGUF file recommends: its `general.sampling.*` keys.

What the operator or a request says counts more. A value that makes no sense is left out, since a
model that can be loaded should be served. It knows no model: the metadata is handed in as text.
Answers to common_init_sampler_from_model in llama.cpp `common/common.cpp`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from server.values import sampler_name

PREFIX = "general.sampling."

_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,9})(?![0-9])")
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")

MIROSTATS = range(3)


def recommended_sampling(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Fields of SamplingParams that the file's metadata sets."""
    found = {
        field: parse(metadata[PREFIX + key])
        for key, (field, parse) in _FIELDS.items()
        if PREFIX + key in metadata
    }
    return {field: value for field, value in found.items() if value is not None}


def _integer(text: str) -> int | None:
    match = _INTEGER.match(text)
    return int(match[1]) if match else None


def _number(text: str) -> float | None:
    match = _NUMBER.match(text)
    value = float(match[1]) if match else math.inf
    return value if math.isfinite(value) else None


def _mirostat(text: str) -> int | None:
    version = _integer(text)
    return version if version in MIROSTATS else None


def _samplers(text: str) -> tuple[str, ...] | None:
    """Names between semicolons. Unknown ones are left out."""
    if not text:
        return None
    names = (sampler_name(word) for word in text.split(";"))
    return tuple(name for name in names if name is not None)


_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "sequence": ("samplers", _samplers),
    "top_k": ("top_k", _integer),
    "top_p": ("top_p", _number),
    "min_p": ("min_p", _number),
    "xtc_probability": ("xtc_probability", _number),
    "xtc_threshold": ("xtc_threshold", _number),
    "temp": ("temperature", _number),
    "penalty_last_n": ("repeat_last_n", _integer),
    "penalty_repeat": ("repeat_penalty", _number),
    "mirostat": ("mirostat", _mirostat),
    "mirostat_tau": ("mirostat_tau", _number),
    "mirostat_eta": ("mirostat_eta", _number),
}
