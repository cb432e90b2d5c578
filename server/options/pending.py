"""Options that are accepted by the table but whose feature isn't there yet.

Giving one is an error at start, so that nothing is ignored in silence. A feature that lands takes
its line out of here; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NotYet:
    """What is missing, and the values that change nothing and are therefore accepted."""

    feature: str
    harmless: tuple[object, ...] = ()


_EMBEDDINGS = NotYet("embeddings and reranking")
_HTTPS = NotYet("HTTPS", ("",))
_REASONING = NotYet("reasoning in answers")

PENDING: Mapping[str, NotYet] = MappingProxyType(
    {
        "spm_infill": NotYet("infill"),
        "sleep_idle_s": NotYet("sleeping when idle"),
        "json_schema": NotYet("JSON schemas"),
        "skip_chat_parsing": NotYet("reading reasoning and tool calls out of answers", (True,)),
        "embedding": _EMBEDDINGS,
        "pooling": _EMBEDDINGS,
        "embd_normalize": _EMBEDDINGS,
        "reasoning_format": _REASONING,
        "reasoning_budget": _REASONING,
        "reasoning_budget_message": _REASONING,
        "ssl_key_file": _HTTPS,
        "ssl_cert_file": _HTTPS,
    }
)
