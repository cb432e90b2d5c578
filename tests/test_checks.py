"""Templates that are no templates are found before a model is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.checks import check_settings
from server.errors import OptionError
from server.options.argv import split_argv
from server.options.resolve import resolve

GOOD = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
BROKEN = [
    pytest.param("{% for m in messages %}", "line 1", id="unclosed"),
    pytest.param("{{ messages | nonsense }}", "nonsense", id="unknown filter"),
    pytest.param("llama7", "llama7", id="a name that is not built in"),
    pytest.param("{{ raise_exception('no chats') }}", "no chats", id="refuses every chat"),
    pytest.param("\n{{ 1 / 0 }}", "line 2", id="fails"),
]


def check(*words: str, environ: dict[str, str] | None = None) -> None:
    check_settings(resolve(split_argv(words), environ or {}))


@pytest.mark.parametrize("source", [GOOD, "chatml"])
def test_a_template_that_renders_a_chat_is_accepted(source: str) -> None:
    check("--chat-template", source)


def test_no_template_is_accepted() -> None:
    check()


@pytest.mark.parametrize(("source", "named"), BROKEN)
def test_a_broken_template_is_one_line_that_names_the_option(source: str, named: str) -> None:
    with pytest.raises(OptionError, match=r"^--chat-template: ") as caught:
        check("--chat-template", source)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_named_as_the_option_that_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "my.jinja"
    path.write_text("{% if %}")
    with pytest.raises(OptionError, match=r"^--chat-template-file: .*line 1"):
        check("--chat-template-file", str(path))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(OptionError, match=r"^--chat-template-file: .*No such file"):
        check("--chat-template-file", "/nowhere/my.jinja")


def test_a_variable_is_named_as_it_was_given() -> None:
    with pytest.raises(OptionError, match=r"^LLAMA_ARG_CHAT_TEMPLATE: "):
        check(environ={"LLAMA_ARG_CHAT_TEMPLATE": "{% if %}"})


@pytest.mark.parametrize("text", ["5", "[]", "{", "null"])
def test_template_variables_that_are_no_object_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^--chat-template-kwargs: .*JSON"):
        check("--chat-template-kwargs", text)
