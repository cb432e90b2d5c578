"""What is known of a family beyond what its template shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.chat.formats.format import Format

Message = dict[str, Any]


def _same(messages: list[Message]) -> list[Message]:
    return messages


def _unchanged(prompt: str, is_open: bool) -> str:
    return prompt


@dataclass(frozen=True, slots=True)
class Family:
    """A family of templates. It is one's if all marks are in the source, and none of `lacks`."""

    name: str
    marks: tuple[str, ...]
    amend: Callable[[Format, str], Format]
    """(what was learnt, the template's source) -> how the family really writes."""
    lacks: tuple[str, ...] = ()
    adapt: Callable[[list[Message]], list[Message]] = _same
    """Messages -> messages as the template expects them; the given ones are not changed."""
    end: Callable[[str, bool], str] = _unchanged
    """(a rendered prompt, whether the assistant's turn is opened) -> the prompt."""
    schema_variable: str = ""
    """The variable by which the template shows the schema of the answer."""
    patches: tuple[tuple[str, str], ...] = ()
    """Parts of the template's text that refuse what other families take, and what replaces them."""

    def knows(self, source: str) -> bool:
        """Whether a template is one of the family's."""
        return all(mark in source for mark in self.marks) and not any(
            mark in source for mark in self.lacks
        )
