"""The tags around reasoning, found by trying."""

from __future__ import annotations

import pytest

from server.chat.reasoning import ReasoningTags
from server.chat.reasoning import shared_length
from server.chat.template import CHATML
from server.chat.template import ChatTemplate

MESSAGE = "{% for m in messages %}<{{ m.role }}>{{ THOUGHT }}{{ m.content }}{% endfor %}"
OPEN = "{% if add_generation_prompt %}<assistant>{{ SWITCH }}{% endif %}"


def tags(thought: str = "", switch: str = "") -> ReasoningTags:
    """Those of a template that shows reasoning by one expression and opens a turn with another."""
    source = MESSAGE.replace("{{ THOUGHT }}", thought) + OPEN.replace("{{ SWITCH }}", switch)
    return ChatTemplate(source).reasoning_tags


def test_a_template_without_reasoning_has_no_tags() -> None:
    assert ChatTemplate(CHATML).reasoning_tags == ReasoningTags()
    assert tags() == ReasoningTags()


@pytest.mark.parametrize(
    ("thought", "start", "end"),
    [
        ("<think>{{ m.reasoning_content }}</think>", "<think>", "</think>"),
        ("<t>\n{{ m.reasoning_content }}\n</t>\n\n", "<t>\n", "\n</t>\n\n"),
        ("[THINK]{{ m.reasoning_content }}[/THINK]", "[THINK]", "[/THINK]"),
    ],
)
def test_tags_are_read_off_a_past_message(thought: str, start: str, end: str) -> None:
    assert tags(thought) == ReasoningTags(start, end)


def test_a_switch_that_opens_the_turn_shows_the_tag() -> None:
    assert tags(switch="{% if enable_thinking %}<think>{% endif %}").start == "<think>"


def test_a_switch_that_closes_reasoning_at_once_shows_both_tags() -> None:
    switch = "{% if not enable_thinking %}<think></think>{% endif %}"
    assert tags(switch=switch) == ReasoningTags("<think>", "</think>")


def test_a_template_that_only_strips_reasoning_still_names_the_tags() -> None:
    thought = "{{ '<think>' in m.content }}{{ m.content.split('</think>')[-1] }}"
    assert tags(thought) == ReasoningTags("<think>", "</think>")


@pytest.mark.parametrize(
    ("a", "b", "n"),
    [
        ("", "", 0),
        ("", "a", 0),
        ("abc", "abd", 2),
        ("abc", "abc", 3),
        ("ab", "abc", 2),
        ("x", "y", 0),
    ],
)
def test_the_shared_beginning_is_counted(a: str, b: str, n: int) -> None:
    assert shared_length(a, b) == shared_length(b, a) == n
