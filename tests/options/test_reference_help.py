"""The table has every option of llama-server: flags, variable, value and default.

What differs on purpose is listed here, with the reason.
"""

from __future__ import annotations

import pytest

from server.options.option import Form
from server.options.option import Option
from server.options.option import Tag
from server.options.registry import BY_FLAG
from server.options.registry import OPTIONS
from tests.options.reference_help import HelpRow
from tests.options.reference_help import rows_of
from tests.options.reference_help import stored

_FOLLOWS = "without it the thread settings are copied, whatever the help says"

DIFFERS: dict[str, str] = {
    "--threads": "its default -1 means the physical cores, which ours says",
    "--cpu-strict": "its 0 is written off",
    "--prio-batch": _FOLLOWS,
    "--spec-draft-prio": _FOLLOWS,
    "--spec-draft-prio-batch": _FOLLOWS,
    "--spec-draft-cpu-strict-batch": "names the same option by another of its flags",
    "--spec-draft-poll-batch": "names the same option by another of its flags",
    "--kv-unified-per-slot": "unset is written 0",
    "--parallel": "its default -1 means 4, which ours calls auto",
    "--cors-methods": "the default is a list with commas, of which its help gives one word",
    "--reasoning-format": "its help says auto, its code and its answers deepseek",
    "--tools-runtime": "none is called this machine",
}

ROWS = stored()
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.flags[-1].lstrip("-"))


def option_of(row: HelpRow) -> Option:
    return BY_FLAG[row.flags[0]].option


def comparable(default: str) -> str | float:
    """A default without the words in which the two programs say the same."""
    words = {"enabled": "on", "true": "on", "disabled": "off", "false": "off"}
    word = words.get(default, default)
    try:
        return float(word)
    except ValueError:
        return "" if word in ("none", "unused", "unset", "off") else word


@each_row
def test_every_spelling_of_llama_server_is_known(row: HelpRow) -> None:
    option = option_of(row)
    assert set(row.flags) == set(option.flags + option.negated)


@each_row
def test_an_option_takes_a_value_if_llama_servers_does(row: HelpRow) -> None:
    assert row.has_value == (option_of(row).form in (Form.VALUE, Form.TWO_VALUES))


@each_row
def test_an_option_has_llama_servers_variable(row: HelpRow) -> None:
    assert option_of(row).env == row.env


@each_row
def test_an_option_has_llama_servers_default(row: HelpRow) -> None:
    option = option_of(row)
    if row.default and option.flag not in DIFFERS:
        assert comparable(row.default) == comparable(option.default_text)


def test_what_differs_does_differ() -> None:
    rows = {option_of(row).flag: row for row in ROWS}
    same = [
        flag
        for flag in DIFFERS
        if comparable(rows[flag].default) == comparable(BY_FLAG[flag].option.default_text)
    ]
    assert same == []


def test_options_that_llama_server_lacks_are_tagged_so() -> None:
    known = {option_of(row).key for row in ROWS}
    extra = {row.key for row in OPTIONS} - known
    tagged = {row.key for row in OPTIONS if row.tags & {Tag.OURS, Tag.PRESET_ONLY}}
    assert extra == tagged


def test_sampling_and_speculative_options_are_llama_servers() -> None:
    sections = {Tag.SAMPLING: "sampling params", Tag.SPECULATIVE: "speculative params"}
    for tag, section in sections.items():
        ours = {row.key for row in OPTIONS if tag in row.tags}
        assert ours == {option_of(row).key for row in ROWS if row.section == section}


def test_a_help_text_is_read_over_broken_lines() -> None:
    text = """----- example-specific params -----

-a,    --alpha, --no-alpha              first line of words that go on and on
                                        (default: 'on', or else)
                                        (env: LLAMA_ARG_ALPHA)
--a-long-flag-that-leaves-no-room-for-words VALUE
                                        beside it (default: 5)
"""
    assert list(rows_of(text)) == [
        HelpRow(
            ("-a", "--alpha", "--no-alpha"),
            has_value=False,
            env="LLAMA_ARG_ALPHA",
            default="on",
            section="example-specific params",
        ),
        HelpRow(
            ("--a-long-flag-that-leaves-no-room-for-words",),
            has_value=True,
            env="",
            default="5",
            section="example-specific params",
        ),
    ]
