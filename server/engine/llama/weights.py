"""How weights come into memory where --load-mode leaves that open ("auto").

libllama maps the file where devices can. But a mapped file lies in small pages, and each token
reads all weights: from memory of huge pages, which native/ggml/pages.h asks for, they come twice
as fast (docs/decisions/0014-huge-pages.md). So they are read where the CPU computes and RAM has
room.
"""

from __future__ import annotations

from pathlib import Path

from server.engine.llama.config import RunnerConfig
from server.engine.llama.placement import offload_devices

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def load_mode(config: RunnerConfig) -> str:
    """The mode that libllama is told."""
    is_open = config.load_mode == "auto" and config.has_room
    return "none" if is_open and has_huge_pages() and not offload_devices() else config.load_mode


def has_huge_pages() -> bool:
    """Whether Linux gives them to who asks."""
    try:
        return "[never]" not in HUGE_PAGES.read_text()
    except OSError:
        return False
