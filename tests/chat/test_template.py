"""What templates may do and what they may not, and what they are told when they fail."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone
from typing import Any

import pytest

from server.chat.errors import TemplateError
from server.chat.template import ChatTemplate

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def shown(source: str, **variables: Any) -> str:
    """The rendered text."""
    return ChatTemplate(source).render(variables, NOW)


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.__class__.__mro__ }}",
        "{{ x['__class__'] }}",
        "{{ x | attr('__class__') }}",
        "{{ ''.__class__.__subclasses__() }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ strftime_now.__globals__ }}",
        "{{ x.clear() }}",
        "{{ x.sort() }}",
        "{% include 'passwd' %}",
    ],
)
def test_the_sandbox_stops_what_reaches_out_of_it(source: str) -> None:
    with pytest.raises(TemplateError):
        shown(source, x=[3])


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(999999999) %}x{% endfor %}",
        "{{ 'x' * 999999999 }}",
        "{{ 999999999 * [1] }}",
        "{{ 10 ** 999999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'x'.ljust(999999999) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_the_sandbox_stops_what_would_take_all_memory(source: str) -> None:
    with pytest.raises(TemplateError):
        shown(source)


def test_an_object_s_key_is_found_though_python_has_a_method_of_that_name() -> None:
    assert shown("{{ x.update }}{{ x.pop }}{{ x['clear'] }}", x={"update": 1}) == "1"


def test_an_object_s_methods_are_found_before_its_keys() -> None:
    assert shown("{{ x.items() | list }}{{ x['items'] }}", x={"items": 1}) == "[('items', 1)]1"


def test_a_template_may_queue_things() -> None:
    source = "{% set q = namespace(a=[]) %}{{ q.a.append(1) }}{{ q.a.append(2) }}{{ q.a.pop(0) }}"
    assert shown(source) == "1"


def test_null_and_undefined_join_as_empty_text() -> None:
    assert shown("{{ 'a' ~ x ~ y ~ 1 }}|{{ 'a' + x }}{{ y + 'b' }}|{{ x }}{{ y }}", x=None) == (
        "a1|ab|"
    )


def test_text_and_numbers_can_be_added() -> None:
    assert shown("{{ 'a' + 1 }}{{ 1 + 2 }}{{ [1] + [2] }}") == "a13[1, 2]"


def test_what_is_inside_of_undefined_is_undefined() -> None:
    assert shown("{{ a.b['c'].d is defined }}{{ x.b.c is defined }}", x=None) == "FalseFalse"


def test_null_has_a_default_and_no_items() -> None:
    assert shown(
        "{{ x | default('a') }}{% for k, v in x | items %}{{ k }}{% endfor %}", x=None
    ) == ("a")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": "<é>'&", "a": [1, 1.0, None, True]}, '{"b": "<é>\'&", "a": [1, 1.0, null, true]}'),
        ({}, "{}"),
        ('\x01\n"\\', r'"\u0001\n\"\\"'),
    ],
)
def test_json_is_shown_as_models_were_trained_on_it(value: object, text: str) -> None:
    assert shown("{{ x | tojson }}", x=value) == text


def test_json_can_be_indented_and_packed() -> None:
    assert shown("{{ x | tojson(indent=1) }}", x={"a": [1]}) == '{\n "a": [\n  1\n ]\n}'
    assert shown("{{ x | tojson(separators=(',', ':')) }}", x={"a": [1]}) == '{"a":[1]}'
    assert shown("{{ x | tojson(ensure_ascii=True) }}", x="é") == r'"\u00e9"'


def test_selections_are_lists() -> None:
    source = "{{ x | selectattr('a', 'equalto', 1) | tojson }}{{ x | map(attribute='a') | length }}"
    assert shown(source, x=[{"a": 1}, {"a": 2}]) == '[{"a": 1}]2'


def test_safe_text_does_not_escape_its_neighbours() -> None:
    assert shown("{{ ('<a>' | safe) + '<b>' }}") == "<a><b>"


def test_templates_may_ask_for_the_time() -> None:
    assert shown("{{ strftime_now('%d.%m.%Y') }} {{ date_string }} {{ datetime }}") == (
        "02.01.2026 02 Jan 2026 Jan 02 2026"
    )


def test_loops_may_be_left() -> None:
    source = "{% for i in [1, 2, 3, 4] %}{% if i == 2 %}{% continue %}{% endif %}"
    source += "{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}"
    assert shown(source) == "13"


def test_marks_for_training_have_no_effect() -> None:
    source = "{% generation %}{% set a = 1 %}b{% endgeneration %}{{ a }}"
    assert shown(source) == "b1"


def test_blocks_take_no_lines() -> None:
    assert shown("a\n  {% if true %}\n  b\n  {% endif %}\nc\n") == "a\n  b\nc"


def test_tokens_that_the_tokenizer_adds_are_cut() -> None:
    template = ChatTemplate(
        "{{ bos_token }}a{{ eos_token }}",
        bos_token="<s>",
        eos_token="</s>",
        add_bos=True,
        add_eos=True,
    )
    assert template.render({}, NOW) == "a"


def test_tokens_that_nobody_adds_stay() -> None:
    template = ChatTemplate("{{ bos_token }}a{{ eos_token }}", bos_token="<s>", eos_token="</s>")
    assert template.render({}, NOW) == "<s>a</s>"


def test_a_refusal_says_what_the_template_says_and_where() -> None:
    with pytest.raises(TemplateError, match=r"refuses these messages \(line 2\): roles must alt"):
        shown("a\n{{ raise_exception('roles must alternate') }}")


def test_a_failure_says_where_it_was() -> None:
    with pytest.raises(TemplateError, match=r"\(line 3\): division by zero"):
        shown("a\nb\n{{ 1 / 0 }}")


@pytest.mark.parametrize("source", ["ok\n{% if %}", "ok\n{{ 'a }}", "a\n{% for x in y %}"])
def test_a_syntax_error_names_its_line(source: str) -> None:
    with pytest.raises(TemplateError, match="line 2"):
        ChatTemplate(source)


def test_a_text_that_takes_long_to_compile_is_refused() -> None:
    with pytest.raises(TemplateError, match="at most"):
        ChatTemplate("{{ a }}" * 20_000)


def test_a_name_that_there_is_no_template_for_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"'llama9' .* chatml"):
        ChatTemplate("llama9")
