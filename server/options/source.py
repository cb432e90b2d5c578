"""Where a value came from. Nothing here knows options."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from enum import Enum


class Origin(Enum):
    """Where a value came from, weakest first."""

    FILE = "configuration file"
    PRESET = "preset"
    ENV = "environment"
    ARGV = "command line"


@dataclass(frozen=True, slots=True)
class Source:
    """Where one value came from. name: the flag, variable or key as written."""

    origin: Origin
    name: str
    text: str = field(repr=False)
