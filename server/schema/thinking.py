"""The fields of a request about reasoning -> what the engine has to know of it.

Answers to the `reasoning_budget_*` fields of llama.cpp `tools/server/server-schema.cpp`. Tags are
looked for without the white space around them, and written with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from server.engine.modelinfo import Tokenizer
from server.engine.task import Reasoning


@dataclass(frozen=True, slots=True)
class Tags:
    """The texts around reasoning, and where the prompt leaves off. No ends: no reasoning."""

    start: str = ""
    ends: tuple[str, ...] = ()
    is_open: bool = False
    """Whether the prompt ends inside of reasoning."""
    is_closed: bool = False
    """Whether the prompt ends after it."""
    end_text: str = ""
    """How the first end is written."""

    @property
    def pattern(self) -> str:
        """A regular expression for a whole piece of reasoning."""
        ends = "|".join(re.escape(end) for end in self.ends)
        return f"{re.escape(self.start)}(?:.|\\n)*(?:{ends})"


def find_tags(given: Mapping[str, object], generation_prompt: str) -> Tags:
    """What the fields say. given: the parsed fields by name."""
    written = given.get("reasoning_budget_end_tags")
    written = written if isinstance(written, tuple) else ()
    texts = [str(end) for end in written if str(end).strip()]
    if not texts:
        return Tags()
    start = str(given.get("reasoning_budget_start_tag") or "").strip()
    ends = tuple(dict.fromkeys(text.strip() for text in texts))
    closed_at = max(generation_prompt.rfind(end) for end in ends)
    opened_at = generation_prompt.rfind(start) if start else 0
    is_open = opened_at > closed_at
    return Tags(start, ends, is_open, not is_open and closed_at >= 0, texts[0])


def reasoning_of(
    given: Mapping[str, object],
    tags: Tags,
    n_tokens: int,
    tokenizer: Tokenizer,
    *,
    is_lazy: bool = False,
) -> Reasoning | None:
    """The limit on a request's reasoning, if there is one.

    is_lazy: a grammar waits for a trigger, which thoughts don't have.
    """
    is_controlled = bool(given.get("reasoning_control"))
    is_limited = n_tokens >= 0 or is_controlled or is_lazy
    if not tags.ends or not (tags.start or tags.is_open) or not is_limited:
        return None
    message = str(given.get("reasoning_budget_message") or "")
    forced = tokenizer.tokenize(message + tags.end_text, add_special=False, parse_special=True)
    return Reasoning(tags.start, tags.ends, tuple(forced), n_tokens, tags.is_open, is_controlled)
