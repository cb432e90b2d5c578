"""Parsers of the fields that take more than one form.

Each turns a JSON value that is not null into the value that the parameters keep, or raises
BadValue. Answers to the handlers in llama.cpp `tools/server/server-schema.cpp` and to
`common/sampling.cpp` (names and letters of samplers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from math import inf

from server.engine.modelinfo import Tokenizer
from server.schema.field import BadValue
from server.schema.field import Context
from server.schema.field import json_type
from server.schema.field import limit
from server.schema.field import to_float32
from server.schema.field import to_int
from server.schema.field import to_list
from server.schema.field import to_str
from server.schema.field import to_strings

SAMPLER_LETTERS = {
    "e": "penalties",
    "d": "dry",
    "s": "top_n_sigma",
    "k": "top_k",
    "y": "typ_p",
    "p": "top_p",
    "m": "min_p",
    "x": "xtc",
    "t": "temperature",
    "i": "infill",
    "a": "adaptive_p",
}

SAMPLER_NAMES = {
    **{name: name for name in SAMPLER_LETTERS.values()},
    **{name.replace("_", "-"): name for name in SAMPLER_LETTERS.values()},
    **{name.replace("_", ""): name for name in SAMPLER_LETTERS.values()},
    "nucleus": "top_p",
    "temp": "temperature",
    "typ": "typ_p",
}

CHAT_FORMATS = ("Content-only", "peg-simple", "peg-native", "peg-gemma4", "peg-minimax-m3")
REASONING_FORMATS = ("none", "auto", "deepseek", "deepseek-legacy")

WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}")
SEED_BITS = 0xFFFFFFFF


def parse_seed(value: object, context: Context) -> int:
    """Any integer, modulo 2**32; -1 thereby is the seed that means "random"."""
    return to_int(value) & SEED_BITS


def parse_n_cmpl(value: object, context: Context) -> int:
    """1 to the number of slots."""
    n = to_int(value)
    n_slots = context.defaults.n_slots
    if n > n_slots:
        raise BadValue(
            f"must be between 1 and {n_slots} (the number of slots), but got {n}; "
            "start the server with a larger --parallel"
        )
    return int(limit(n, None, (1, n_slots)))


def parse_id_slot(value: object, context: Context) -> int:
    """-1, or the number of a slot that there is."""
    return int(limit(to_int(value), None, (-1, context.defaults.n_slots - 1)))


def parse_dry_base(value: object, context: Context) -> float:
    """A base below 1 makes no sense and becomes the server's own."""
    base = to_float32(value)
    return base if base >= 1 else context.defaults.sampling.dry_base


MAX_DRY_BREAKERS = 64
MAX_SAMPLERS = 64
MAX_STOPS = 256


def parse_dry_breakers(value: object, context: Context) -> tuple[str, ...]:
    """At least one string."""
    breakers = to_strings(value)
    if not breakers:
        raise BadValue("must be a non-empty array of strings")
    # libllama holds each of them against each token of the vocabulary: 10 ms of everybody's time
    if len(breakers) > MAX_DRY_BREAKERS:
        raise BadValue(f"must have at most {MAX_DRY_BREAKERS} texts, but has {len(breakers)}")
    return breakers


def parse_samplers(value: object, context: Context) -> tuple[str, ...]:
    """Names in an array, or letters in a string. Unknown ones are left out."""
    if isinstance(value, (str, list, tuple)) and len(value) > MAX_SAMPLERS:
        raise BadValue(f"must have at most {MAX_SAMPLERS} samplers, but has {len(value)}")
    if isinstance(value, str):
        return tuple(SAMPLER_LETTERS[c] for c in value if c in SAMPLER_LETTERS)
    if not isinstance(value, (list, tuple)):
        raise BadValue(f"expected an array of names or a string of letters, got {json_type(value)}")
    names = (name.lower() for name in to_strings(value))
    return tuple(SAMPLER_NAMES[name] for name in names if name in SAMPLER_NAMES)


def parse_stop(value: object, context: Context) -> tuple[str, ...]:
    """One string or several; none = the server's own."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple)):
        raise BadValue(f"expected a string or an array of strings, got {json_type(value)}")
    words = to_strings([word for word in value if word is not None])
    # each is looked for in each token's text: ten thousand take 25 ms of everybody's time
    if len(words) > MAX_STOPS:
        raise BadValue(f"must have at most {MAX_STOPS} texts, but has {len(words)}")
    return words or context.defaults.stop


def parse_strings(value: object, context: Context) -> tuple[str, ...]:
    """An array of strings, as it is."""
    return to_strings(value)


def parse_logit_bias(value: object, context: Context) -> tuple[tuple[int, float], ...]:
    """[[token, bias], ...] or {token: bias}.

    A token is an id or a text, which stands for all of its tokens; a bias is a number, or false
    to ban. Pairs of another shape and ids outside of the vocabulary are left out.
    """
    biases: list[tuple[int, float]] = []
    for token, bias in _bias_pairs(value):
        if isinstance(bias, bool):
            if bias:
                continue
            number = -inf
        elif isinstance(bias, (int, float)):
            number = to_float32(bias)
        else:
            continue
        biases.extend((i, number) for i in _bias_tokens(token, context.tokenizer))
    return tuple(biases)


def _bias_pairs(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        for key, bias in value.items():
            whole = WHOLE_NUMBER.fullmatch(key)
            yield (int(key) if whole else key), bias
    elif isinstance(value, (list, tuple)):
        for pair in value:
            if isinstance(pair, (list, tuple)) and len(pair) == 2:
                yield pair[0], pair[1]
    else:
        raise BadValue(
            f"expected an array of [token, bias] pairs or an object, got {json_type(value)}"
        )


def _bias_tokens(token: object, tokenizer: Tokenizer) -> Iterable[int]:
    if isinstance(token, str):
        return tokenizer.tokenize(token, add_special=False, parse_special=False)
    if isinstance(token, int) and not isinstance(token, bool) and 0 <= token < tokenizer.n_vocab:
        return (token,)
    return ()


def parse_lora(value: object, context: Context) -> tuple[tuple[int, float], ...]:
    """As to_scales; which adapters there are is known later."""
    return to_scales(value)


def to_scales(value: object) -> tuple[tuple[int, float], ...]:
    """(adapter, scale) pairs by ascending id; of an id given twice the last counts."""
    scales: dict[int, float] = {}
    for i, item in enumerate(to_list(value, "objects with 'id' and 'scale'")):
        if not isinstance(item, Mapping):
            raise BadValue(f"element {i} must be an object with 'id' and 'scale'")
        try:
            scale = item.get("scale")
            scales[to_int(item.get("id"))] = 0.0 if scale is None else to_float32(scale)
        except BadValue as error:
            raise BadValue(f"element {i}: 'id' and 'scale': {error}") from None
    return tuple(sorted(scales.items()))


def parse_preserved(value: object, context: Context) -> tuple[int, ...]:
    """Ids, ascending, of those texts that are one token."""
    found: set[int] = set()
    for text in to_strings(value):
        ids = context.tokenizer.tokenize(text, add_special=False, parse_special=True)
        if len(ids) == 1:
            found.add(ids[0])
    return tuple(sorted(found))


def parse_string_or_array(value: object, context: Context) -> tuple[str, ...]:
    """One string or several."""
    return (value,) if isinstance(value, str) else to_strings(value)


def parse_chat_format(value: object, context: Context) -> str:
    """The reference's number of a chat format -> its name."""
    i = to_int(value)
    if not 0 <= i < len(CHAT_FORMATS):
        raise BadValue(f"must be between 0 and {len(CHAT_FORMATS) - 1}, but got {i}")
    return CHAT_FORMATS[i]


def parse_reasoning_format(value: object, context: Context) -> str:
    """One of REASONING_FORMATS."""
    name = to_str(value)
    if name not in REASONING_FORMATS:
        raise BadValue(f"must be one of {', '.join(REASONING_FORMATS)}, but got {name!r}")
    return name


def parse_continuation(value: object, context: Context) -> bool:
    """True, "content" and "reasoning_content" ask to go on with the last message."""
    return value is True or value in ("content", "reasoning_content")


def parse_as_it_is(value: object, context: Context) -> object:
    """Whatever it is: who reads it says what is wrong with it."""
    return value


def parse_json_schema(value: object, context: Context) -> object:
    """An object, or true (which means any value)."""
    if isinstance(value, Mapping) or value is True:
        return value
    raise BadValue(f"expected an object, got {json_type(value)}")
