"""Laws that hold for every row of the option table."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from server.options import docs
from server.options.option import Form
from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.pending import PENDING
from server.options.registry import BY_KEY
from server.options.registry import OPTIONS
from server.options.registry import SECTIONS
from server.options.resolve import resolve
from server.options.settings import Settings
from server.values import to_text

ROOT = Path(__file__).parents[2]

# What help shows as their default is what their parser reads.
WRITTEN_AS_SHOWN = {"samplers", "sampler_seq", "seed", "n_gpu_layers"}

# Each text of these is one element, so no text stands for several of them.
ONE_TEXT_AT_A_TIME = {"dry_sequence_breakers"}

each_option = pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
each_section = pytest.mark.parametrize(
    "section",
    [section for section in SECTIONS if any(row.has_setting for row in section.options)],
    ids=lambda section: section.name,
)


def repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def test_keys_are_unique() -> None:
    assert repeated([option.key for option in OPTIONS]) == []


def test_flags_are_unique() -> None:
    flags = [flag for option in OPTIONS for flag in option.flags + option.negated]
    assert repeated(flags) == []


def test_variables_are_unique() -> None:
    names = [name for row in OPTIONS for name in (row.env, row.negated_env) if name]
    assert repeated(names) == []


def test_preset_keys_are_unique() -> None:
    assert repeated([key for option in OPTIONS for key in option.preset_keys]) == []


@each_option
def test_every_default_survives_being_written_and_read(option: Option) -> None:
    text = option.shown_default if option.key in WRITTEN_AS_SHOWN else to_text(option.default)
    if text == "" or option.key in ONE_TEXT_AT_A_TIME:
        return
    assert option.parse(text) == option.default


@each_option
def test_every_option_has_a_long_flag_and_help(option: Option) -> None:
    assert option.flag.startswith("--")
    assert option.help and not option.help.endswith(".")


@each_option
def test_every_option_is_in_the_reference_page(option: Option) -> None:
    page = (ROOT / docs.PAGE).read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in docs.spellings(option))


@each_option
def test_every_other_row_that_an_option_names_exists(option: Option) -> None:
    expands = option.expands + option.expands_off
    named = [option.target, *(key for key, _ in expands)]
    assert [name for name in named if name not in BY_KEY] == []


@each_option
def test_what_an_option_stands_for_can_be_read(option: Option) -> None:
    for key, text in option.expands + option.expands_off:
        BY_KEY[key].parse(text)


@each_option
def test_an_option_has_a_default_of_its_target_if_it_fills_one(option: Option) -> None:
    assert option.default == BY_KEY[option.target].default


@each_option
def test_only_switches_are_negated(option: Option) -> None:
    assert not option.negated or option.form is Form.ON_OFF


@each_option
def test_removed_and_deprecated_options_say_what_to_do(option: Option) -> None:
    if option.tags & {Tag.REMOVED, Tag.DEPRECATED}:
        assert option.message


@each_section
def test_the_settings_of_a_section_have_a_field_for_each_key(section: Section) -> None:
    settings = getattr(resolve((), {}), section.name)
    keys = {option.key for option in section.options if option.has_setting}
    assert {item.name for item in fields(settings)} == keys


def test_settings_have_a_field_for_each_section() -> None:
    with_settings = {s.name for s in SECTIONS if any(row.has_setting for row in s.options)}
    assert {item.name for item in fields(Settings)} == with_settings | {
        "sources",
        "vertex",
        "warnings",
    }


def test_pending_names_settings_and_actions_only() -> None:
    rows = [BY_KEY[key] for key in PENDING]
    assert [row.key for row in rows if not (row.has_setting or row.is_action)] == []


def test_the_reference_page_is_what_the_table_says_now() -> None:
    assert (ROOT / docs.PAGE).read_text(encoding="utf-8") == docs.page()
