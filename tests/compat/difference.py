"""Where two answers differ: keys, types, lengths, and values as far as they are determined.

A path names a place with dots, list indices included (`events.2.choices.0.delta`), so that globs
can match it. What a clock, a random id or the machine decides counts by its type, or by a pattern.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = Any

UNDETERMINED = re.compile(
    r"""(created | created_at | model_path | path | id_task
        | started_at | completed_at | total_bytes | time_ms | \w+_ms | \w+_per_second
        | t_start | t_last)""",
    re.VERBOSE,
)
"""Keys whose values count by their type only."""

BUILD = re.compile(r"b\d+-\w+(?:-dirty)?")
ID = re.compile(r"(chatcmpl-|cmpl-|resp_|msg_)[0-9A-Za-z]{32}")
PATTERNS = {
    "build_info": BUILD,
    "system_fingerprint": BUILD,
    "id": ID,
    "item_id": ID,
    "media_marker": re.compile(r"<__media_[0-9A-Za-z]+__>"),
}
"""Keys whose texts are random, or the build's; both sides must look like this, and begin alike."""

FIELD_MESSAGE = re.compile(r"Field '[^']+': ")
"""How messages about a wrong value begin; then comes the text of the reference's JSON library."""

PROBABILITIES = frozenset({"prob", "logprob", "score", "relevance_score"})
PROBABILITY_TOLERANCE = 2e-3

VECTOR_TOLERANCE = 2e-3
"""Of a vector's largest value: processors round in different orders, and small values show it."""

BASE64 = re.compile(r"(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{3}=|[0-9A-Za-z+/]{2}==)?")
N_BASE64 = 64
"""No text of so many letters without a space is anything but a vector."""

TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place. what: missing (we lack it), extra, type, length or value."""

    path: str
    what: str
    reference: Json
    ours: Json

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: reference {self.reference!r}, ours {self.ours!r}"


def answers_differ(reference: Json, ours: Json) -> list[Difference]:
    """All differences between two answers; the status alone where it differs."""
    if reference["status"] != ours["status"]:
        return [Difference("status", "value", _brief(reference), _brief(ours))]
    return list(differences(reference, ours))


def differences(reference: Json, ours: Json, path: str = "") -> Iterator[Difference]:
    """All differences between two JSON values."""
    if type(reference) is not type(ours):
        yield Difference(path, "type", _typed(reference), _typed(ours))
    elif isinstance(reference, dict):
        yield from _in_objects(reference, ours, path)
    elif _is_vector(reference) and _is_vector(ours):
        yield from _in_vectors(_floats(reference), _floats(ours), path)
    elif isinstance(reference, list):
        yield from _in_lists(reference, ours, path)
    elif not _agree(path.rpartition(".")[2], reference, ours):
        yield Difference(path, "value", reference, ours)


def _in_objects(reference: Json, ours: Json, path: str) -> Iterator[Difference]:
    for key, value in reference.items():
        place = f"{path}.{key}" if path else key
        if key in ours:
            yield from differences(value, ours[key], place)
        else:
            yield Difference(place, "missing", value, None)
    for key in ours.keys() - reference.keys():
        yield Difference(f"{path}.{key}" if path else key, "extra", None, ours[key])


def _in_lists(reference: Json, ours: Json, path: str) -> Iterator[Difference]:
    if len(reference) != len(ours):
        yield Difference(path, "length", len(reference), len(ours))
    for i, (theirs, mine) in enumerate(zip(reference, ours, strict=False)):
        yield from differences(theirs, mine, f"{path}.{i}")


def _is_vector(value: Json) -> bool:
    """Whether it is a list of floats, or such a one in base64."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, float) for each in value)
    return isinstance(value, str) and len(value) > N_BASE64 and BASE64.fullmatch(value) is not None


def _floats(value: Json) -> NDArray[np.float64]:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value), "<f4").astype(np.float64)
    return np.array(value)


def _in_vectors(
    reference: NDArray[np.float64], ours: NDArray[np.float64], path: str
) -> Iterator[Difference]:
    if len(reference) != len(ours):
        yield Difference(path, "length", len(reference), len(ours))
        return
    limit = VECTOR_TOLERANCE * np.abs(reference).max()
    for i in np.flatnonzero(~(np.abs(reference - ours) <= limit)).tolist():
        yield Difference(f"{path}.{i}", "value", float(reference[i]), float(ours[i]))


def _agree(key: str, reference: Json, ours: Json) -> bool:
    if UNDETERMINED.fullmatch(key):
        return True
    pattern = PATTERNS.get(key)
    expected = pattern.fullmatch(reference) if pattern and isinstance(reference, str) else None
    if pattern and expected:
        found = pattern.fullmatch(ours)
        return found is not None and found.groups() == expected.groups()
    if key == "message" and isinstance(reference, str):
        return _same_message(reference, ours)
    if key == "id_slot":
        return bool((reference < 0) == (ours < 0))
    if key in PROBABILITIES:
        return math.isclose(reference, ours, rel_tol=PROBABILITY_TOLERANCE, abs_tol=1e-4)
    return bool(reference == ours)


def _same_message(reference: str, ours: str) -> bool:
    """Whether an error says the same, or more; of a wrong field, whether it names the field."""
    field = FIELD_MESSAGE.match(reference)
    return ours.startswith(field.group() if field else reference)


def _brief(answer: Json) -> str:
    return f"{answer['status']} {_short(answer.get('body', answer.get('events')))}"


def _typed(value: Json) -> str:
    return f"{TYPES[type(value)]} {_short(value)}"


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "..."
