"""What a message gains as its text arrives."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """More content."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A call that begins (it has a name and an id then), or more of its arguments."""

    index: int
    arguments: str
    name: str = ""
    id: str = ""


Delta = ReasoningDelta | ContentDelta | CallDelta


@dataclass(slots=True)
class ToolCall:
    """A call of a tool. arguments: JSON, unless the model broke off or wrote none."""

    id: str
    name: str
    arguments: str = ""


@dataclass(slots=True)
class ParsedMessage:
    """What an assistant said."""

    content: str = ""
    reasoning: str = ""
    calls: list[ToolCall] = field(default_factory=list)
