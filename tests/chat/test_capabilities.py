"""What a template makes use of, found by watching it."""

from __future__ import annotations

import pytest

from server.chat.capabilities import TemplateCaps
from server.chat.capabilities import probe
from server.chat.limits import Allowance
from server.chat.template import CHATML

SHOW = "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}"
PARTS = "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
BOTH = (
    "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}{% endfor %}"
)
CALLS = "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ BODY }}{% endfor %}{% endfor %}"


def probed(source: str) -> TemplateCaps:
    """What the template makes use of."""
    return probe(source, Allowance())


def calls(body: str) -> TemplateCaps:
    """The caps of a template that shows each call as body."""
    return probed(CALLS.replace("BODY", body))


def test_chatml_takes_text_and_a_system_message_and_nothing_else() -> None:
    caps = probed(CHATML)
    assert caps == TemplateCaps(
        supports_object_arguments=False,
        supports_parallel_tool_calls=False,
        supports_preserve_reasoning=False,
        supports_reasoning_effort=False,
        supports_string_content=True,
        supports_system_role=True,
        supports_tool_calls=False,
        supports_tools=False,
        supports_typed_content=False,
    )


@pytest.mark.parametrize(
    ("source", "text", "parts"), [(SHOW, True, False), (PARTS, False, True), (BOTH, True, True)]
)
def test_content_may_be_text_or_parts(source: str, text: bool, parts: bool) -> None:
    caps = probed(source)
    assert (caps.supports_string_content, caps.supports_typed_content) == (text, parts)


def test_a_template_that_refuses_the_system_looked_at_its_role_only() -> None:
    source = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
    assert not probed(source + "{% endif %}{{ m.content }}{% endfor %}").supports_system_role


def test_arguments_printed_by_key_are_wanted_as_objects() -> None:
    assert calls("c.function.arguments.items() | list").supports_object_arguments
    assert calls("c.function.arguments | tojson").supports_object_arguments


def test_arguments_added_to_text_are_wanted_as_text() -> None:
    caps = calls("c.function.name + c.function.arguments[:1]")
    assert caps.supports_tool_calls
    assert not caps.supports_object_arguments


def test_all_calls_or_only_the_first() -> None:
    assert calls("c.function.name").supports_parallel_tool_calls
    first = "{% for m in messages if m.tool_calls %}{{ m.tool_calls[0].function.name }}{% endfor %}"
    assert not probed(first).supports_parallel_tool_calls
    assert probed(first).supports_tool_calls


def test_tools_are_supported_where_they_are_described() -> None:
    assert probed("{% for t in tools %}{{ t | tojson }}{% endfor %}").supports_tools
    assert probed("{% for t in tools %}{{ t.function.name }}{% endfor %}").supports_tools
    assert not probed("{% if tools %}no tools, please{% endif %}").supports_tools


def test_reasoning_is_kept_where_past_reasoning_is_shown_on_request() -> None:
    source = "{% for m in messages %}{% if preserve_thinking or loop.last %}"
    source += "{{ m.reasoning_content }}{% endif %}{% endfor %}"
    assert probed(source).supports_preserve_reasoning
    assert not probed(source.replace("preserve_thinking", "false")).supports_preserve_reasoning


@pytest.mark.parametrize(
    "source",
    [
        "{{ reasoning_effort }}",
        "{% if reasoning_effort == 'high' %}think{% endif %}",
        "{{ reasoning_strength | default('medium') }}",
        "{% if reasoning_effort is defined %}think{% endif %}",
        "{% if reasoning_effort in ['high'] %}think{% endif %}",
    ],
)
def test_effort_is_supported_where_a_template_asks_for_it(source: str) -> None:
    assert probed(source).supports_reasoning_effort


def test_a_template_that_refuses_everything_has_no_caps_but_is_probed() -> None:
    caps = probed("{{ raise_exception('no') }}")
    assert not caps.supports_string_content
    assert not caps.supports_tools
