"""All sections together, and looking rows up by key, flag, variable or preset key.

This is the only place that knows every row. It does not know values or where they come from.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from server.options.bundles import BUNDLES
from server.options.chat import CHAT
from server.options.context import CONTEXT
from server.options.device import DEVICE
from server.options.embedding import EMBEDDING
from server.options.http import HTTP
from server.options.hub import HUB
from server.options.log import ACTIONS
from server.options.log import LOG
from server.options.media import MEDIA
from server.options.model import MODEL
from server.options.operation import OPERATION
from server.options.option import Option
from server.options.option import Section
from server.options.responses import RESPONSES
from server.options.router import ROUTER
from server.options.sampling import SAMPLING
from server.options.slots import SLOTS
from server.options.speculative import SPECULATIVE
from server.options.ui import UI

SECTIONS: tuple[Section, ...] = (
    MODEL,
    HUB,
    MEDIA,
    DEVICE,
    CONTEXT,
    SLOTS,
    SAMPLING,
    SPECULATIVE,
    CHAT,
    EMBEDDING,
    HTTP,
    RESPONSES,
    OPERATION,
    UI,
    ROUTER,
    BUNDLES,
    LOG,
    ACTIONS,
)

OPTIONS: tuple[Option, ...] = tuple(row for section in SECTIONS for row in section.options)


@dataclass(frozen=True, slots=True)
class Spelling:
    """A row and whether this way to write it is positive (--mmap) or negated (--no-mmap)."""

    option: Option
    is_positive: bool = True


BY_KEY: Mapping[str, Option] = MappingProxyType({row.key: row for row in OPTIONS})

BY_FLAG: Mapping[str, Spelling] = MappingProxyType(
    {flag: Spelling(row) for row in OPTIONS if row.is_argument for flag in row.flags}
    | {flag: Spelling(row, False) for row in OPTIONS for flag in row.negated}
)

BY_ENV: Mapping[str, Spelling] = MappingProxyType(
    {row.env: Spelling(row) for row in OPTIONS if row.env}
    | {row.negated_env: Spelling(row, False) for row in OPTIONS if row.negated_env}
)

BY_PRESET_KEY: Mapping[str, Spelling] = MappingProxyType(
    {
        key: Spelling(row, is_positive)
        for row in OPTIONS
        for key, is_positive in row.preset_keys.items()
    }
)


def hint(name: str, known: Mapping[str, Spelling]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or how to see all."""
    alike = [other for other in known if other.startswith(name[:2])] or list(known)
    near = difflib.get_close_matches(name, alike, n=1, cutoff=0.7)
    if near:
        return f"did you mean {near[0]}?"
    return "llamactl serve --help shows what there is"
