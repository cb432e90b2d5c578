"""Whatever is written on a command line, in a variable or a file: settings, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import OptionError
from server.options.option import Form
from server.options.option import Option
from server.options.option import Tag
from server.options.presets import sections_of
from server.options.registry import BY_ENV
from server.options.registry import BY_FLAG
from server.options.registry import OPTIONS
from server.options.resolve import resolve
from server.options.resolve import settings_from
from server.values import BadValue
from server.values import to_text

# Texts that parsers have stumbled over: signs, sizes, other digits, what no file can be called.
ODD = (
    *("", " ", "-", "--", "-1", "0", "1", "3.5", "9" * 12, "9" * 400, "nan", "-inf", "1e400"),
    *(
        "on",
        "auto",
        "a,b",
        ",",
        ";",
        ":",
        "=",
        "a=int:1",
        "a=float:x",
        "x:1",
        "0-3",
        "5-2",
        "0-9999",
    ),
    *(
        "0x0f",
        "{}",
        "[]",
        '"',
        "[" * 5000,
        "(",
        "a\nb",
        "\x00",
        "\ud800",
        "\u0661",
        "/",
        "/dev/null",
    ),
)
TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(ODD))
WORDS = st.lists(st.one_of(st.sampled_from(sorted(BY_FLAG)), TEXTS), max_size=5)

with_env = pytest.mark.parametrize(
    "option",
    [row for row in OPTIONS if row.env and not row.tags & {Tag.REMOVED, Tag.DEPRECATED}],
    ids=lambda row: row.key,
)


def settles_or_is_refused(attempt: Callable[[], Any]) -> None:
    try:
        attempt()
    except OptionError as refusal:
        assert str(refusal)
        assert "\n" not in str(refusal)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda row: row.key)
def test_every_option_reads_odd_texts_or_says_what_it_expects(option: Option) -> None:
    for text in ODD:
        try:
            option.parse(text)
        except BadValue as error:
            assert str(error).startswith("expected ")


@given(WORDS)
def test_any_command_line(words: list[str]) -> None:
    settles_or_is_refused(lambda: settings_from(words, {}))


@given(st.dictionaries(st.sampled_from(sorted(BY_ENV)), TEXTS, max_size=4))
def test_any_variables(environ: dict[str, str]) -> None:
    settles_or_is_refused(lambda: resolve((), environ))


@given(st.text(alphabet="ab=[]*;# \n\r-_1", max_size=60))
def test_any_file(text: str) -> None:
    settles_or_is_refused(lambda: sections_of(text, "file"))


@with_env
def test_a_variable_says_what_its_flag_says(option: Option) -> None:
    text = option.shown_default if option.form is Form.VALUE else "on"
    text = text or to_text(option.default) or "1"
    words = [option.flag, text] if option.form is Form.VALUE else [option.flag]
    assert outcome(words, {}) == outcome([], {option.env: text})


def outcome(words: list[str], environ: dict[str, str]) -> Any:
    """The settings without where they came from, or how the refusal ends."""
    try:
        settings = settings_from(words, environ)
    except OptionError as refusal:
        return str(refusal).rpartition(": ")[2]
    return replace(settings, sources={})
