"""Splits a command line into (flag, text) pairs by the option table.

Whatever follows a flag that takes a value is that value, even if it begins with a dash;
--flag=value works too, and in long flags an underscore counts as a dash. Values stay text. Answers
to llama.cpp common/arg.cpp `common_params_parse_ex`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.errors import OptionError
from server.options.option import Form
from server.options.registry import BY_FLAG
from server.options.registry import hint


@dataclass(frozen=True, slots=True)
class Argument:
    """One flag as it stood on the command line. text is '' where the flag takes no value."""

    flag: str
    text: str = ""


def normalized(flag: str) -> str:
    """--ctx_size is --ctx-size; short flags stay as they are."""
    return flag.replace("_", "-") if flag.startswith("--") else flag


def split_argv(words: Sequence[str]) -> tuple[Argument, ...]:
    """The flags of a command line in their order; OptionError names the one that is wrong."""
    arguments = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        flag = normalized(name)
        spelling = BY_FLAG.get(flag)
        if spelling is None:
            raise OptionError(_unknown(name, flag))
        n_values = _N_VALUES[spelling.option.form]
        if has_value and n_values == 0:
            raise OptionError(f"{flag}: takes no value, got {value!r}")
        values = [value] if has_value else []
        while len(values) < n_values:
            if not rest:
                raise OptionError(f"{flag}: expected a value, {_meaning(flag)}")
            values.append(rest.pop(0))
        arguments.append(Argument(flag, " ".join(values)))
    return tuple(arguments)


_N_VALUES = {Form.BARE: 0, Form.ON_OFF: 0, Form.VALUE: 1, Form.TWO_VALUES: 2}


def _unknown(name: str, flag: str) -> str:
    if not name.startswith("-"):
        return f"{name!r}: not an option; did you mean --model {name}?"
    return f"{name}: unknown option; {hint(flag, BY_FLAG)}"


def _meaning(flag: str) -> str:
    row = BY_FLAG[flag].option
    return " ".join(word for word in (row.value, row.value2) if word) + f": {row.help}"
