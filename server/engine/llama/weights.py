"""How weights come into memory where --load-mode leaves that open ("auto").

libllama maps the file where devices can. But a mapped file lies in small pages, and each token
reads all weights: from memory of huge pages, which native/ggml/pages.h asks for, they come twice
as fast (docs/decisions/0014-huge-pages.md). So they are read where the CPU computes and RAM has
room.
"""

from __future__ import annotations

from pathlib import Path

from server.engine.llama.config import RunnerConfig

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")
SIZE = 2 << 20
"""Bytes of the pages that native/ggml/pages.h asks for."""


def load_mode(config: RunnerConfig, *, has_devices: bool) -> str:
    """The mode that libllama is told. has_devices: whether others than the CPU may compute."""
    is_open = config.load_mode == "auto" and config.has_room
    return "none" if is_open and not has_devices and has_huge_pages() else config.load_mode


def has_huge_pages() -> bool:
    """Whether Linux gives them to who asks, and they are of that size."""
    try:
        is_off = "[never]" in (HUGE_PAGES / "enabled").read_text()
        return not is_off and int((HUGE_PAGES / "hpage_pmd_size").read_text()) == SIZE
    except (OSError, ValueError):
        return False
