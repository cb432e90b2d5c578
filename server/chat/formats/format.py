"""How a family of models writes a turn: where reasoning, content and tool calls begin and end.

A `Format` is data: the parser (`server/chat/stream.py`) and the grammar (`server/chat/grammar.py`)
read the same one, so that what one lets a model write the other understands. White space at the
edges of its texts is how the template writes it; models may leave it out. Formats come from
`learn.py` or from a family's own module here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

CDATA, CDATA_END = "<![CDATA[", "]]>"


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Thoughts, before anything else."""

    start: str
    end: str
    ends_at_call: bool = False
    """Whether a tool call within thoughts that were not ended is one."""
    ends_at_content: bool = False
    """Whether the beginning of wrapped content ends them too."""
    repeats: bool = False
    """Whether they may come again after content."""
    none: str = ""
    """How a turn without any begins where they may come; empty: with start and end."""


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What stands around content; an empty end: nothing after it."""

    start: str
    end: str = ""


class Slot(Enum):
    """What a call has between its fixed texts."""

    NAME = "name"
    ID = "id"
    NUMBER = "number"
    """Digits that count the calls."""
    ARGUMENTS = "arguments"


Piece = str | Slot


@dataclass(frozen=True, slots=True)
class JsonArguments:
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class TaggedArguments:
    """`start` name `middle` value `end` for each; strings as they are, other values as JSON.

    middles: by JSON type of the value, if the type is written there ("" = any).
    """

    start: str
    middles: Mapping[str, str]
    end: str
    has_cdata: bool = False
    """Whether a string may stand in a CDATA section."""

    @property
    def middle(self) -> str:
        """What stands between a name and a string."""
        return self.middles.get("string", self.middles.get("", ""))

    @property
    def tells_types(self) -> bool:
        """Whether the text itself says if a value is a string."""
        return len(self.middles) > 1


@dataclass(frozen=True, slots=True)
class KeywordArguments:
    """`name=value, ...`, the values as in Python or JSON."""


@dataclass(frozen=True, slots=True)
class BracedArguments:
    """`{name:value,...}`, names bare, strings between `quote`s, at any depth."""

    quote: str


@dataclass(frozen=True, slots=True)
class ElementArguments:
    """An XML element per argument, named as it is; values are elements, too. mark: before tags."""

    mark: str
    item: str = "item"


Arguments = JsonArguments | TaggedArguments | KeywordArguments | BracedArguments | ElementArguments


@dataclass(frozen=True, slots=True)
class JsonKeys:
    """Where a call that is a JSON object has its parts.

    parent: the key of an object that holds name and arguments ("" = the call itself).
    name "": the only key of the call is the function's name, its value the arguments.
    """

    name: str = "name"
    arguments: str = "arguments"
    id: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `pieces` is its spelling, whole. keys: for calls that are JSON objects."""

    pieces: tuple[Piece, ...]
    arguments: Arguments = JsonArguments()
    keys: JsonKeys | None = None
    id_span: tuple[int, int] | None = None
    """The pieces, from and up to, that are its id."""
    before: str = ""
    """What comes before the JSON object."""
    after: str = ""
    """What comes after the JSON object."""


@dataclass(frozen=True, slots=True)
class Calls:
    """All calls of a turn: start, call, separator, call, ..., end."""

    call: Call
    start: str = ""
    separator: str = ""
    end: str = ""
    other_starts: tuple[str, ...] = ()
    """Texts from which on a call may be written without what should come before.

    Empty: from its name on, right after another call.
    """
    is_single: bool = False
    """Whether the format has no way to write a second call."""
    turn_end: str = ""
    """What ends a turn after calls, where that isn't what ends other turns."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Turns that are made of messages, each with a header: start header middle body end.

    Headers say to whom or what a message is; the expressions are searched for in them.
    """

    start: str
    middle: str
    ends: tuple[str, ...]
    reasoning: str
    call: str
    """Its group is the name of the function, if calls begin with a slot for that."""
    headers: tuple[str, ...]
    """What headers begin with."""
    recipient: str = ""
    """What in a header says that the message is a call; {name} stands for the function's."""
    written_reasoning: str = ""
    written_calls: tuple[str, ...] = ()
    """Headers as they are written, the usual one first."""


@dataclass(frozen=True, slots=True)
class Format:
    """One family's way to write."""

    reasoning: Reasoning | None = None
    content: Wrapper | None = None
    calls: Calls | None = None
    channels: Channels | None = None
    before_content: str = ""
    """What a message that is continued has between its thoughts and its content."""
    opening: str = ""
    """Where the message begins within the prompt's end, if that isn't where thoughts begin."""
    noise: tuple[str, ...] = ()
    """Texts that mean nothing where content is expected."""
    stops: tuple[str, ...] = ()
    """Texts at which a turn ends, for models that spell the end out."""
    calls_when_forced_only: bool = False
    """Whether the template tells the model nothing of tools: what looks like a call is none."""
