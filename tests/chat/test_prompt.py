"""Conversations to prompts: what a template gets, and what it may not do."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone
from typing import Any

import pytest

from server.chat.errors import ChatError
from server.chat.errors import MessagesError
from server.chat.errors import TemplateError
from server.chat.message import parse_messages
from server.chat.prompt import ChatRequest
from server.chat.prompt import choose_source
from server.chat.prompt import render
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


def prompt(source: str, *messages: dict[str, Any], **fields: Any) -> str:
    """The rendered text of messages."""
    parsed = parse_messages({"messages": list(messages)})
    return render(ChatTemplate(source), ChatRequest(parsed, NOW, **fields)).text


def user(content: object) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "content": content}


def test_chatml_is_the_format_of_models_without_a_template() -> None:
    assert choose_source(None, "") == choose_source(None, "chatml") == CHATML
    assert prompt(CHATML, user("Hi")) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_an_override_beats_the_models_own_template() -> None:
    assert choose_source("model", "mine") == "mine"
    assert choose_source("model", "") == "model"


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
    text = prompt(CHATML, user("Hi"), begun, continues=True)
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


def test_tools_are_shown_as_json_without_html_escapes() -> None:
    assert "<&>" in prompt(TOOLS, user("U"), tools=[{"name": "<&>"}])


def test_capabilities_are_found_by_trying() -> None:
    assert ChatTemplate(TOOLS).caps.supports_tools
    assert ChatTemplate(TOOLS).caps.supports_object_arguments
    assert not ChatTemplate(CHATML).caps.supports_tools
    assert not ChatTemplate(NO_SYSTEM).caps.supports_system_role
    assert ChatTemplate(TYPED).caps.supports_typed_content
    assert not ChatTemplate(TYPED).caps.supports_string_content


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "'messages' is required"),
        ({"messages": "Hi"}, "array"),
        ({"messages": ["Hi"]}, r"messages\[0\]"),
        ({"messages": [{"content": "Hi"}]}, "role"),
        ({"messages": [{"role": "user"}]}, "content"),
        ({"messages": [{"role": "assistant"}]}, "content"),
        ({"messages": [user(3)]}, "content"),
        ({"messages": [user(["Hi"])]}, "type"),
        ({"messages": [user([{"type": "text"}])]}, "text"),
        ({"messages": [user([{"type": "smell"}])]}, "smell"),
        ({"messages": [user([{"type": "image_url"}])]}, "image input is not supported"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "function"),
    ],
)
def test_malformed_messages_are_refused_by_name(body: dict[str, Any], says: str) -> None:
    with pytest.raises(MessagesError, match=says):
        parse_messages(body)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{% for i in range(999999999) %}x{% endfor %}",
        "{{ ''.__class__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception('bad roles') }}",
        "{{ 1 / 0 }}",
        "{{ nothing.at.all }}",
    ],
)
def test_a_hostile_or_broken_template_is_a_template_error(source: str) -> None:
    with pytest.raises(TemplateError):
        prompt(source, user("Hi"))


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(TemplateError, match="line 2"):
        ChatTemplate("ok\n{% if %}")


def test_templates_may_use_dates_breaks_and_generation_marks() -> None:
    source = (
        "{{ strftime_now('%Y') }}{% for m in messages %}{% generation %}{{ m.content }}"
        "{% endgeneration %}{% break %}{% endfor %}"
    )
    assert prompt(source, user("a"), user("b")) == "2026a"


def test_every_error_of_the_room_has_one_root() -> None:
    assert issubclass(MessagesError, ChatError)
    assert issubclass(TemplateError, ChatError)
