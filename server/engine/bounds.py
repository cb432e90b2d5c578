"""What holds an output to a form, and its reasoning to a length; a part of `task.py`'s vocabulary.

Answers to `common_grammar_trigger` and the reasoning budget in llama.cpp `common/common.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Constraint:
    """What the output must match, as a token mask: a grammar in llguidance's Lark dialect.

    lark: the whole grammar, with a rule `start`; matched from where the constraint begins to the
    end of the output. It begins with the first token, unless `after` or `triggers` say otherwise:
    after: texts; nothing is constrained (nor looked for) before the end of the first of them.
    triggers: texts; from the beginning of the first of them on the grammar holds (so it has the
    trigger in it), and before that the output is free.
    Both are looked for in the text with that of control tokens. In the grammar a token counts as
    the text that the answer shows of it: control tokens match theirs if the task preserves them.
    """

    lark: str
    after: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    compiled: object = field(default=None, compare=False, repr=False)
    """What `Tokenizer.compile` makes of it; a task has it."""


class TriggerKind(IntEnum):
    """What makes a lazy grammar hold, in the reference's numbers."""

    TOKEN = 0
    WORD = 1
    PATTERN = 2
    """An expression that is found in the output."""
    PATTERN_FULL = 3
    """One that matches all of it."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Lets a lazy grammar hold: from the trigger's beginning, or that of its first group."""

    kind: TriggerKind
    text: str
    token: int = -1


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A limit on the tokens between a start text and an end text, each time that one starts."""

    start: str
    ends: tuple[str, ...]
    forced: tuple[int, ...]
    """What comes when the tokens are spent: a message, if any, and the first end text."""
    n_tokens: int = -1
    """The most tokens; -1 = any number."""
    is_open: bool = False
    """Whether the prompt ends inside."""
    is_controlled: bool = False
    """Whether it may be ended while it runs."""
