"""Text -> value parsers, and value -> text, for the option table and the request table.

A parser takes the text that stood on a command line, in the environment or in a preset and
returns a value, or raises BadValue with the end of a sentence ("expected an integer, got 'big'");
who called it says in front which option or field was meant. Nothing here knows options, requests
or files. The accepted spellings are those of llama.cpp common/arg.cpp and common/sampling.cpp.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
Parser = Callable[[str], object]

TRUE_WORDS = ("on", "enabled", "true", "1")
FALSE_WORDS = ("off", "disabled", "false", "0")
AUTO_WORDS = ("auto", "-1")

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
UINT32_MAX = 2**32 - 1

SAMPLER_LETTERS = {
    "d": "dry",
    "k": "top_k",
    "y": "typ_p",
    "p": "top_p",
    "s": "top_n_sigma",
    "m": "min_p",
    "t": "temperature",
    "x": "xtc",
    "i": "infill",
    "e": "penalties",
    "a": "adaptive_p",
}
"""The letter that stands for a sampler in a sampler sequence, and the sampler's own name."""

_INTEGER = re.compile(r"[+-]?\d+")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[nrt'\"\\])")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class BadValue(ValueError):
    """A text that a parser can't accept; its arguments are what was expected, and the text."""

    def __str__(self) -> str:
        """The end of the sentence."""
        expected, text = self.args
        return f"expected {expected}, got {text!r}"


# plain values


def text(value: str) -> str:
    """Any text, as it is."""
    return value


def flag(value: str) -> bool:
    """on/off, true/false, enabled/disabled or 1/0."""
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    raise BadValue("on or off", value)


def on_off_auto(value: str) -> str:
    """One of 'on', 'off', 'auto', whatever synonym was written."""
    for word, synonyms in (("on", TRUE_WORDS), ("off", FALSE_WORDS), ("auto", AUTO_WORDS)):
        if value in synonyms:
            return word
    raise BadValue("on, off or auto", value)


def integer(value: str) -> int:
    """A 32-bit integer."""
    if not _INTEGER.fullmatch(value.strip()):
        raise BadValue("an integer", value)
    number = int(value)
    if not INT32_MIN <= number <= INT32_MAX:
        raise BadValue("an integer of 32 bits", value)
    return number


def number(value: str) -> float:
    """A finite decimal number."""
    try:
        result = float(value)
    except ValueError:
        result = math.nan
    if not math.isfinite(result) or "_" in value:
        raise BadValue("a number", value)
    return result


def seed(value: str) -> int:
    """A seed of 32 bits; -1 is the largest one, which means "choose at random"."""
    if not _INTEGER.fullmatch(value.strip()) or not -1 <= int(value) <= UINT32_MAX:
        raise BadValue(f"a seed from -1 to {UINT32_MAX}", value)
    return int(value) & UINT32_MAX


# limits and choices


def integer_in(low: int, high: int = INT32_MAX) -> Callable[[str], int]:
    """A parser for integers from low to high."""
    wanted = f"an integer of at least {low}"
    if high != INT32_MAX:
        wanted = f"an integer from {low} to {high}"
    return _limited(integer, low, high, wanted)


def number_in(low: float, high: float = math.inf) -> Callable[[str], float]:
    """A parser for numbers from low to high."""
    wanted = f"a number of at least {low:g}"
    if high != math.inf:
        wanted = f"a number from {low:g} to {high:g}"
    return _limited(number, low, high, wanted)


def _limited(parse: Callable[[str], T], low: float, high: float, wanted: str) -> Callable[[str], T]:
    def parse_limited(value: str) -> T:
        result = parse(value)
        if not low <= result <= high:  # type: ignore[operator]
            raise BadValue(wanted, value)
        return result

    return parse_limited


def positive_number(value: str) -> float:
    """A finite number greater than zero."""
    result = number(value)
    if result <= 0:
        raise BadValue("a number greater than 0", value)
    return result


def temperature(value: str) -> float:
    """A number; negative ones count as 0."""
    return max(number(value), 0.0)


def one_of(*names: str) -> Callable[[str], str]:
    """A parser that accepts these words only."""

    def parse_one_of(value: str) -> str:
        if value not in names:
            raise BadValue(f"one of {', '.join(names)}", value)
        return value

    return parse_one_of


# lists


def comma_list(value: str) -> tuple[str, ...]:
    """Fields between commas; a field in double quotes may hold commas, and "" for a quote."""
    fields: list[str] = []
    field = ""
    is_quoted = False
    i = 0
    while i < len(value):
        char = value[i]
        if char == '"' and is_quoted and value[i + 1 : i + 2] == '"':
            field += '"'
            i += 1
        elif char == '"' and (is_quoted or not field):
            is_quoted = not is_quoted
        elif char == "," and not is_quoted:
            fields.append(field)
            field = ""
        else:
            field += char
        i += 1
    return tuple(name for name in (*fields, field) if name)


def stripped_list(value: str) -> tuple[str, ...]:
    """Fields of a comma list without the blanks around them."""
    return tuple(name for name in (part.strip() for part in comma_list(value)) if name)


def name_set(value: str) -> tuple[str, ...]:
    """Names between commas, sorted, each once."""
    return tuple(sorted({part.strip() for part in value.split(",")} - {""}))


def one_text(value: str) -> tuple[str, ...]:
    """The whole text as the one element of a list."""
    return (value,)


def numbers(value: str) -> tuple[float, ...]:
    """Numbers between commas or slashes."""
    return tuple(number(part) for part in re.split(r"[,/]+", value))


# samplers


def sampler_name(word: str) -> str | None:
    """The own name of a sampler that may be spelled top_k, top-k, topk, nucleus...; else None."""
    plain = word.strip().lower()
    extra = {"nucleus": "top_p", "temp": "temperature", "typ": "typ_p"}
    for name in SAMPLER_LETTERS.values():
        if plain in (name, name.replace("_", "-"), name.replace("_", "")):
            return name
    return extra.get(plain)


def sampler_names(value: str) -> tuple[str, ...]:
    """Sampler names between semicolons."""
    return tuple(_known_sampler(sampler_name(word), word) for word in value.split(";") if word)


def sampler_letters(value: str) -> tuple[str, ...]:
    """Samplers, one letter each."""
    return tuple(_known_sampler(SAMPLER_LETTERS.get(letter), letter) for letter in value)


def _known_sampler(name: str | None, word: str) -> str:
    if name is None:
        letters = (f"{name} ({letter})" for letter, name in SAMPLER_LETTERS.items())
        raise BadValue(f"samplers among {', '.join(letters)}", word)
    return name


def logit_bias(value: str) -> tuple[tuple[int, float], ...]:
    """TOKEN+BIAS or TOKEN-BIAS, such as 15043+1."""
    match = re.fullmatch(r"\s*(\d+)\s*([+-].+)", value)
    if match is None:
        raise BadValue("TOKEN_ID+BIAS or TOKEN_ID-BIAS", value)
    return ((int(match[1]), number(match[2])),)


def json_value(value: str) -> object:
    """Any JSON."""
    try:
        return json.loads(value)
    except ValueError as error:
        raise BadValue(f"JSON ({error})", _shortened(value)) from None


def json_object(value: str) -> dict[str, object]:
    """A JSON object."""
    parsed = json_value(value)
    if not isinstance(parsed, dict):
        raise BadValue("a JSON object", _shortened(value))
    return parsed


def unescape(value: str) -> str:
    r"""Replace \n \r \t \' \" \\ and \xHH by what they stand for."""
    return _ESCAPE.sub(_unescaped, value)


def _unescaped(match: re.Match[str]) -> str:
    name = match[1]
    return chr(int(name[1:], 16)) if name[0] == "x" else _ESCAPED.get(name, name)


def _shortened(value: str, limit: int = 60) -> str:
    return value if len(value) <= limit else value[:limit] + "..."


# values -> text


def to_text(value: object) -> str:
    """The text that a value's parser turns back into the value; None and nothing are ''."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    if isinstance(value, tuple):
        return _list_text(value)
    return str(value)


def _list_text(items: Iterable[object]) -> str:
    words = [to_text(item) for item in items]
    return ",".join(f'"{word}"' if "," in word else word for word in words)
