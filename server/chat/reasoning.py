"""Where a template puts the assistant's reasoning: the tags around it, found by trying.

Needed to continue a message that was begun in the middle of its reasoning or after it. Knows no
template engine: a render function is handed in. Answers to analyze_reasoning in llama.cpp
`common/chat-diff-analyzer.cpp`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from datetime import timezone
from typing import Any

from server.chat.errors import TemplateError
from server.chat.errors import Unbounded

NOW = datetime(2024, 1, 1, tzinfo=timezone.utc)
THOUGHT = "REASON-7f3a of mine REASON"
USER = {"role": "user", "content": "USER-7f3a"}
ANSWER = {"role": "assistant", "content": "ANSWER-7f3a"}

_TAG = r"(?:<[^<>]*>|\[[^\[\]]*\])"
_LAST_TAG = re.compile(_TAG + r"\s*\Z")
_FIRST_TAG = re.compile(r"\s*" + _TAG + r"\s*")
_TAGS = re.compile(_TAG)

Render = Callable[[Mapping[str, Any], datetime], str]
Shows = Callable[..., str]


@dataclass(frozen=True, slots=True)
class ReasoningTags:
    """The text before and after reasoning, spaces included; both empty: a template without."""

    start: str = ""
    end: str = ""


def find_tags(render: Render, has_tool_calls: bool) -> ReasoningTags:
    """Try what the template does with reasoning."""

    def shows(messages: list[dict[str, Any]], **variables: Any) -> str:
        try:
            return render({"messages": messages, "enable_thinking": True} | variables, NOW)
        except Unbounded:
            raise
        except TemplateError:
            return ""

    thought = ANSWER | {"reasoning_content": THOUGHT}
    tags = _around(shows([USER, thought])) or ReasoningTags()
    tags = _from_switch(shows, tags)
    if has_tool_calls and not tags.end:
        function = {"name": "f", "arguments": {"x": "1"}}
        calls = [{"id": "call00001", "type": "function", "function": function}]
        tags = _around(shows([USER, thought | {"content": "", "tool_calls": calls}])) or tags
    return tags


def _around(text: str) -> ReasoningTags | None:
    """The tags next to the reasoning in a rendered text."""
    before, found, after = text.partition(THOUGHT)
    end = _FIRST_TAG.match(after) if found else None
    if end is None:
        return None
    start = _LAST_TAG.search(before)
    if start is None:
        return ReasoningTags("", end[0].lstrip())
    return ReasoningTags(start[0], end[0])


def _from_switch(shows: Shows, tags: ReasoningTags) -> ReasoningTags:
    """What `enable_thinking` changes at the end of the generation prompt."""
    on = shows([USER], add_generation_prompt=True)
    off = shows([USER], add_generation_prompt=True, enable_thinking=False)
    n = shared_length(on, off)
    if on[:n].rfind("<") > on[:n].rfind(">"):
        n = on[:n].rfind("<")
    opened, closed = on[n:], off[n:]
    if opened.strip() and not closed.strip():
        return tags if tags.start else ReasoningTags(opened, tags.end)
    if closed.strip() and not opened.strip() and not tags.end:
        shown = _TAGS.findall(closed)
        before = _TAGS.findall(on[:n])
        start = shown[0] if len(shown) > 1 else before[-1] if before else ""
        return ReasoningTags(tags.start or start, closed if len(shown) < 2 else shown[-1])
    return tags


def shared_length(a: str, b: str) -> int:
    """How many characters two texts have in common from their beginning."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low
