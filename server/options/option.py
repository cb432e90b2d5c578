"""The row of the option table and what can be told from one row alone.

A row says how an option is written (flags, negated flags, variable), how its text becomes a value
and what it is for. It does not know other rows, where a value came from, or what a value does.
Answers to llama.cpp common/arg.h `common_arg`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from server.values import Parser
from server.values import to_text

Merge = Callable[[object, object], object]
"""(what was given before, what is given now) -> value; for options that may be repeated."""


class Form(Enum):
    """How an option is written."""

    BARE = "bare"
    """--metrics"""
    ON_OFF = "on/off"
    """--mmap, --no-mmap"""
    VALUE = "value"
    """--ctx-size N"""
    TWO_VALUES = "two values"
    """--control-vector-layer-range START END"""


class Tag(Enum):
    """What is special about an option."""

    SAMPLING = "sampling"
    SPECULATIVE = "speculative"
    PRESET_ONLY = "preset only"
    REMOTE_PRESET = "allowed in remote presets"
    DEPRECATED = "deprecated"
    """Accepted without effect; `message` is shown as a warning."""
    REMOVED = "removed"
    """Refused; `message` says what to use."""
    ACTION = "action"
    """Does something and exits; has no setting."""
    OURS = "not in llama-server"
    SECRET = "secret"
    """The value is never shown."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `key` is the field of the section's settings that it fills."""

    key: str
    flags: tuple[str, ...]
    parse: Parser
    default: object = None
    value: str = ""
    """What stands for the value in help; empty = the option takes none."""
    value2: str = ""
    negated: tuple[str, ...] = ()
    env: str = ""
    help: str = ""
    shown_default: str = ""
    """The default as help says it, where the value alone would not tell."""
    fills: str = ""
    """The key whose setting this row gives instead of its own (a second way to say it)."""
    expands: tuple[tuple[str, str], ...] = ()
    """(key, text) of the rows that this one stands for; it has no setting of its own."""
    expands_off: tuple[tuple[str, str], ...] = ()
    """The same where it is negated."""
    merge: Merge | None = None
    tags: frozenset[Tag] = frozenset()
    message: str = ""

    @property
    def form(self) -> Form:
        """How this option is written."""
        if self.value2:
            return Form.TWO_VALUES
        if self.value:
            return Form.VALUE
        return Form.ON_OFF if self.negated else Form.BARE

    @property
    def target(self) -> str:
        """The key of the setting that this row gives."""
        return self.fills or self.key

    @property
    def has_setting(self) -> bool:
        """Whether a field of the settings bears this row's key."""
        idle = {Tag.ACTION, Tag.REMOVED, Tag.DEPRECATED, Tag.PRESET_ONLY}
        return not (self.fills or self.expands or self.tags & idle)

    @property
    def is_argument(self) -> bool:
        """Whether it can be written on a command line and in the environment."""
        return Tag.PRESET_ONLY not in self.tags

    @property
    def is_action(self) -> bool:
        """Whether it does something and exits."""
        return Tag.ACTION in self.tags

    @property
    def may_be_remote(self) -> bool:
        """Whether a preset that was fetched from elsewhere may set it."""
        return bool(self.tags & {Tag.REMOTE_PRESET, Tag.SAMPLING})

    @property
    def flag(self) -> str:
        """The flag by which messages name this option: the first long one."""
        return next((flag for flag in self.flags if flag.startswith("--")), self.flags[0])

    @property
    def negated_env(self) -> str:
        """The variable whose mere presence means off; '' if there is none."""
        if self.form is not Form.ON_OFF or not self.env.startswith("LLAMA_ARG_"):
            return ""
        return self.env.replace("LLAMA_ARG_", "LLAMA_ARG_NO_", 1)

    @property
    def preset_key(self) -> str:
        """The key by which messages name this option in an INI preset."""
        return self.flag.lstrip("-")

    @property
    def preset_keys(self) -> dict[str, bool]:
        """The keys that name this option in an INI preset; False for those that invert it."""
        keys = {flag.lstrip("-"): True for flag in self.flags}
        keys |= {flag.lstrip("-"): False for flag in self.negated}
        if self.env:
            keys[self.env] = True
        if self.negated_env:
            keys[self.negated_env] = False
        return keys

    @property
    def default_text(self) -> str:
        """The default as help and reference show it."""
        return self.shown_default or to_text(self.default)


@dataclass(frozen=True, slots=True)
class Section:
    """The rows that fill one dataclass of the settings."""

    name: str
    """The field of Settings."""
    title: str
    options: tuple[Option, ...]


def concat(before: object, now: object) -> object:
    """Lists grow: what is given now comes after what was given before."""
    assert isinstance(before, tuple) and isinstance(now, tuple)
    return before + now


def concat_or_clear(before: object, now: object) -> object:
    """As concat, but an empty list forgets what was given before."""
    return concat(before, now) if now else ()


def update(before: object, now: object) -> object:
    """Mappings grow: what is given now is added and wins."""
    assert isinstance(before, dict) and isinstance(now, dict)
    return before | now


def union(before: object, now: object) -> object:
    """Sets of names grow; sorted, each name once."""
    assert isinstance(before, tuple) and isinstance(now, tuple)
    return tuple(sorted({*before, *now}))
