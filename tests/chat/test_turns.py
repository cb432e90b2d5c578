"""Where the messages of a rendered chat stand in it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from server.chat.turns import turn_places

TOOLS = '[{"name": "look", "user": "a"}]'


def message(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def parts(text: str, *messages: dict[str, object]) -> list[str]:
    """The text, cut at the places that are found."""
    places = [0, *turn_places(text, messages), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


def test_the_system_prompt_ends_and_the_turns_begin() -> None:
    text = f"S:you help\nT:{TOOLS}\nU:who?\nA:me\nU:why?\nA:"
    roles = ("system", "user", "assistant", "user")
    contents = ("you help", "who?", "me", "why?")
    messages = [message(*pair) for pair in zip(roles, contents, strict=True)]
    assert parts(text, *messages) == [
        "S:you help",
        f"\nT:{TOOLS}\nU:",
        "who?\nA:",
        "me\nU:",
        "why?\nA:",
    ]


def test_without_a_system_prompt_the_tools_end_where_the_first_turn_has_begun() -> None:
    assert parts(f"T:{TOOLS}\nU:who?\nA:", message("user", "who?")) == [
        f"T:{TOOLS}\nU:",
        "who?\nA:",
    ]


def test_content_is_found_as_templates_write_it() -> None:
    content = [{"type": "text", "text": " one"}, {"type": "text", "text": "two \n"}]
    assert parts("U: one\ntwo A:", message("user", content)) == ["U: ", "one\ntwo A:"]


@pytest.mark.parametrize("content", ["", "  ", "a", "absent"])
def test_content_that_may_stand_in_several_places_or_none_is_left_out(content: str) -> None:
    text = f"T:{TOOLS} U:{content} A:what U:else? A:"
    messages = [message("user", content), message("assistant", "what"), message("user", "else?")]
    if content == "absent":
        text = text.replace("absent", "")
    assert parts(text, *messages)[1:] == ["what U:", "else? A:"]


def test_equal_messages_are_told_apart_by_their_order() -> None:
    again = [message("user", "again"), message("user", "again")]
    assert parts("U:again U:again A:", *again) == ["U:", "again U:", "again A:"]


def test_messages_without_content_have_no_place() -> None:
    call = {"role": "assistant", "content": "", "tool_calls": []}
    found = parts("U:who? A:<call> R:me A:", message("user", "who?"), call, message("tool", "me"))
    assert found == ["U:", "who? A:<call> R:", "me A:"]
