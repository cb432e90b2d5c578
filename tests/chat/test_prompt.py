"""Conversations to prompts: what a template gets."""

from __future__ import annotations

import time
from datetime import datetime
from datetime import timezone
from typing import Any

import pytest

from server.chat.errors import ChatError
from server.chat.errors import MessagesError
from server.chat.errors import TemplateError
from server.chat.message import parse_messages
from server.chat.prompt import ChatRequest
from server.chat.prompt import Continuation
from server.chat.prompt import choose_source
from server.chat.prompt import render
from server.chat.prompt import try_source
from server.chat.prompt import wants_continuation
from server.chat.template import CHATML
from server.chat.template import ChatTemplate

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
TYPED = (
    "{% for m in messages %}{{ m.role }}:{% for p in m.content %}[{{ p.text }}]{% endfor %};"
    "{% endfor %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}{{ m.role }}:{{ m.content }};{% endfor %}"
)
TOOLS = (
    "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in messages %}{{ m.role }}:"
    "{{ m.content }}{% for c in m.tool_calls or [] %}<{{ c.function.name }}"
    "{% for k, v in c.function.arguments.items() %} {{ k }}={{ v }}{% endfor %}>{% endfor %};"
    "{% endfor %}"
)


THINKS = (
    "{% for m in messages %}{{ m.role }}:{% if m.reasoning_content %}<t>{{ m.reasoning_content }}"
    "</t>{% endif %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)


def prompt(source: str, *messages: dict[str, Any], **fields: Any) -> str:
    """The rendered text of messages."""
    parsed = parse_messages({"messages": list(messages)})
    return render(ChatTemplate(source), ChatRequest(parsed, NOW, **fields)).text


def user(content: object) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "content": content}


def assistant(content: object) -> dict[str, Any]:
    """An assistant's message."""
    return {"role": "assistant", "content": content}


def test_chatml_is_the_format_of_models_without_a_template() -> None:
    assert choose_source(None, "") == choose_source(None, "chatml") == CHATML
    assert prompt(CHATML, user("Hi")) == ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


def test_an_override_beats_the_models_own_template() -> None:
    assert choose_source("model", "mine") == "mine"
    assert choose_source("model", "") == "model"


def test_a_word_that_is_no_template_and_names_none_is_refused() -> None:
    try_source("vicuna")
    with pytest.raises(TemplateError, match=r"'vicunna' is no Jinja template; .* a name that is"):
        try_source("vicunna")


def test_the_generation_prompt_is_what_opens_the_assistants_turn() -> None:
    messages = parse_messages({"messages": [user("Hi")]})
    result = render(ChatTemplate(CHATML), ChatRequest(messages, NOW))
    assert result.generation_prompt == "<|im_start|>assistant\n"
    without = render(ChatTemplate(CHATML), ChatRequest(messages, NOW, add_generation_prompt=False))
    assert without.text + result.generation_prompt == result.text


def test_a_begun_answer_is_continued() -> None:
    begun = {"role": "assistant", "content": "Once"}
    messages = parse_messages({"messages": [user("Hi"), begun]})
    assert wants_continuation(messages)
    text = prompt(CHATML, user("Hi"), begun, continues=Continuation.AUTO)
    assert text.endswith("<|im_start|>assistant\nOnce")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}],
            }
        ],
    ],
)
def test_an_answer_that_cannot_be_continued_is_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(MessagesError, match="Cannot"):
        wants_continuation(parse_messages({"messages": messages}))


def test_text_parts_are_joined_for_templates_that_want_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert "user\na\nb<|im_end|>" in prompt(CHATML, user(parts))


def test_text_becomes_a_part_for_templates_that_want_parts() -> None:
    assert prompt(TYPED, user("a")) == "user:[a];"


def test_a_system_message_joins_the_first_one_where_templates_have_none() -> None:
    assert prompt(NO_SYSTEM, {"role": "system", "content": "S"}, user("U")) == "user:S\nU;"


def test_a_developer_is_the_system() -> None:
    assert "<|im_start|>system\nD" in prompt(CHATML, {"role": "developer", "content": "D"})


def test_tool_calls_reach_templates_that_want_objects_as_objects() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    text = prompt(TOOLS, user("U"), {"role": "assistant", "tool_calls": [call]}, user("V"))
    assert "assistant:<f x=1>;" in text


def test_arguments_that_are_no_json_are_refused_by_name() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{x"}}
    with pytest.raises(MessagesError, match="'f' are not JSON"):
        prompt(TOOLS, user("U"), {"role": "assistant", "tool_calls": [call]}, user("V"))


def test_arguments_stay_text_for_templates_that_want_text() -> None:
    source = (
        "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name + ' ' +"
        " c.function.arguments }}{% endfor %}{% endfor %}"
    )
    call = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    assert prompt(source, {"role": "assistant", "tool_calls": [call]}) == 'f {"x":1}'


def test_tools_are_shown_as_json_without_html_escapes() -> None:
    assert "<&>" in prompt(TOOLS, user("U"), tools=[{"name": "<&>"}])


def test_without_tools_the_template_finds_none() -> None:
    assert prompt("{{ tools is defined }}", user("U")) == "False"


def test_a_system_message_of_parts_joins_the_first_one_too() -> None:
    parts = [{"type": "text", "text": "S"}, {"type": "text", "text": "T"}]
    system = {"role": "system", "content": parts}
    assert prompt(NO_SYSTEM, system, user("U")) == "user:S\nT\nU;"


def test_a_template_with_channels_sees_developers_as_they_are() -> None:
    source = "{% for m in messages %}<|channel|>{{ m.role }}{% endfor %}"
    assert prompt(source, {"role": "developer", "content": "D"}) == "<|channel|>developer"


def test_the_variables_of_a_request_reach_the_template() -> None:
    assert prompt("{{ a }}{{ b.c }}", user("U"), kwargs={"a": 1, "b": {"c": [2]}}) == "1[2]"


def test_the_wish_to_keep_reasoning_is_told_under_every_name() -> None:
    source = "{{ preserve_thinking }} {{ clear_thinking }} {{ drop_thinking }}"
    assert prompt(source, user("U"), kwargs={"preserve_reasoning": True}) == "True False False"
    assert prompt(source, user("U"), kwargs={"preserve_reasoning": False}) == "False True True"


def test_thinking_is_on_only_where_a_template_has_room_for_it() -> None:
    assert prompt("{{ enable_thinking }}", user("U")) == "False"
    assert prompt("{{ enable_thinking }}", user("U"), enable_thinking=True) == "True"
    assert prompt(THINKS + "{{ enable_thinking }}", user("U")).endswith("True")


def test_a_begun_answer_comes_after_closed_reasoning() -> None:
    begun = {"role": "assistant", "content": "Yes", "reasoning_content": "hm"}
    assert (
        prompt(THINKS, user("U"), begun, continues=Continuation.AUTO)
        == "user:U;assistant:<t>hm</t>Yes"
    )


def test_begun_reasoning_is_left_open() -> None:
    begun = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    assert prompt(THINKS, user("U"), begun, continues=Continuation.AUTO) == "user:U;assistant:<t>hm"
    both = begun | {"content": "Yes"}
    text = prompt(THINKS, user("U"), both, continues=Continuation.REASONING)
    assert text == "user:U;assistant:<t>hm"


def test_a_tag_that_opens_the_turn_is_not_written_twice() -> None:
    opened = THINKS.replace("assistant:{% endif", "assistant:<t>{% endif")
    assert prompt(opened, user("U"), assistant("Yes"), continues=Continuation.AUTO) == (
        "user:U;assistant:<t></t>Yes"
    )


def test_the_parts_of_a_begun_answer_are_paragraphs() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    begun = {"role": "assistant", "content": parts}
    assert prompt(CHATML, user("U"), begun, continues=Continuation.AUTO).endswith(
        "assistant\na\n\nb"
    )


def test_content_is_continued_after_reasoning_where_that_is_asked_for() -> None:
    begun = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    text = prompt(THINKS, user("U"), begun, continues=Continuation.CONTENT)
    assert text == "user:U;assistant:<t>hm</t>"


def test_an_empty_beginning_is_none() -> None:
    assert prompt(CHATML, user("U"), assistant(""), continues=Continuation.AUTO).endswith(
        "<|im_end|>\n"
    )


def test_rendering_changes_nothing_that_it_was_given() -> None:
    source = "{{ messages.append(1) }}{{ tools.append(1) }}{{ x.y.append(1) }}{{ x.y }}"
    messages = parse_messages({"messages": [user("U")]})
    tools, kwargs = [{"name": "f"}], {"x": {"y": [0]}}
    request = ChatRequest(messages, NOW, tools=tools, kwargs=kwargs)
    assert render(ChatTemplate(source), request).text == "[0, 1]"
    assert (len(messages), tools, kwargs) == (1, [{"name": "f"}], {"x": {"y": [0]}})


def test_a_long_conversation_is_rendered_in_milliseconds() -> None:
    turns = [user("x" * 2000), assistant("y" * 2000)] * 25
    messages = parse_messages({"messages": [*turns, user("go")]})
    template = ChatTemplate(CHATML)
    render(template, ChatRequest(messages, NOW))
    started = time.perf_counter()
    assert len(render(template, ChatRequest(messages, NOW)).text) > 100_000
    # half a millisecond on a slow machine; the margin is for a busy one
    assert time.perf_counter() - started < 0.1


def test_every_error_of_the_room_has_one_root() -> None:
    assert issubclass(MessagesError, ChatError)
    assert issubclass(TemplateError, ChatError)
