"""What two texts have in common, tags whole."""

from __future__ import annotations

import re

from server.chat.reasoning import shared_length

TAG = re.compile(r"<[^<>]*>|\[/?[A-Z_]+\]")
_OPEN_TAG = re.compile(r"<[^<>]*\Z|\[/?[A-Z_]*\Z")
_TAG_END = re.compile(r"[^<>\[\]]*[>\]]")


def common_start(a: str, b: str) -> str:
    """What both texts begin with."""
    return a[: shared_length(a, b)]


def common_end(a: str, b: str) -> str:
    """What both texts end with."""
    return common_start(a[::-1], b[::-1])[::-1]


def shared_start(a: str, b: str) -> str:
    """What both texts begin with, without the beginning of a tag."""
    shared = common_start(a, b)
    return shared if shared in (a, b) else _OPEN_TAG.sub("", shared)


def shared_end(a: str, b: str) -> str:
    """What both texts end with, without the end of a tag."""
    shared = common_end(a, b)
    if shared in (a, b) or not _OPEN_TAG.search(a[: len(a) - len(shared)]):
        return shared
    tail = _TAG_END.match(shared)
    return shared[tail.end() :] if tail else ""
