"""Options that are accepted by the table but whose feature isn't there yet.

Giving one is an error at start, so that nothing is ignored in silence. A feature that lands takes
its line out of here; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from server.options.option import Section
from server.options.router import ROUTER
from server.options.speculative import SPECULATIVE


@dataclass(frozen=True, slots=True)
class NotYet:
    """What is missing, and the values that change nothing and are therefore accepted."""

    feature: str
    harmless: tuple[object, ...] = ()
    is_detail: bool = False
    """Whether it only details another option of this list, and says nothing without that one."""


_FETCHING = NotYet("fetching models; name a file by --model")
_MEDIA = NotYet("images and audio")
_DRAFTING = NotYet("speculative decoding")
_ROUTER = NotYet("several models")
_TOOLS = NotYet("tools that the server runs")


def _detail(of: NotYet) -> NotYet:
    return NotYet(of.feature, is_detail=True)


def _details(section: Section, of: NotYet) -> dict[str, NotYet]:
    """Every setting of a section as a detail."""
    return {row.key: _detail(of) for row in section.options if row.has_setting}


PENDING: Mapping[str, NotYet] = MappingProxyType(
    {
        "sleep_idle_s": NotYet("sleeping when idle"),
        # fetching models
        "model_url": _FETCHING,
        "docker_repo": _FETCHING,
        "hf_repo": _FETCHING,
        "hf_file": _detail(_FETCHING),
        "hf_token": _detail(_FETCHING),
        "offline": _detail(_FETCHING),
        "cache_list": _FETCHING,
        # media
        "mmproj": _MEDIA,
        "mmproj_url": _MEDIA,
        "mmproj_auto": _detail(_MEDIA),
        "mmproj_offload": _detail(_MEDIA),
        "mmproj_device": _detail(_MEDIA),
        "image_min_tokens": _detail(_MEDIA),
        "image_max_tokens": _detail(_MEDIA),
        "media_batch_tokens": _detail(_MEDIA),
        "video_fps": _detail(_MEDIA),
        "video_timestamp_interval_ms": _detail(_MEDIA),
        "video_ffmpeg_dir": _detail(_MEDIA),
        "media_path": _detail(_MEDIA),
        # drafting
        **_details(SPECULATIVE, _DRAFTING),
        "drafters": _DRAFTING,
        "draft_model": _DRAFTING,
        "draft_hf_repo": _DRAFTING,
        # a router
        **_details(ROUTER, _ROUTER),
        "models_dir": _ROUTER,
        "models_preset": _ROUTER,
        # tools
        "ui_mcp_proxy": _TOOLS,
        "tools": _TOOLS,
        "tools_runtime": _detail(_TOOLS),
        "mcp_servers_config": _TOOLS,
        "mcp_servers_json": _TOOLS,
    }
)


def refusal(name: str, not_yet: NotYet) -> str:
    """The sentence that refuses an option. name: as it was written."""
    return f"{name}: not available yet ({not_yet.feature}); leave it out"
