"""The API keys that are accepted now: those of the options, and what their files hold.

A line of a file is a key, which may be followed by what it is allowed, such as

    sk-abc name=web role=api requests_per_min=60 concurrent=4

The files are read each time, so that keys can be changed while the server runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from enum import Enum

from server.errors import OptionError
from server.options.parsers import key_file
from server.options.settings import HttpSettings
from server.values import BadValue
from server.values import comma_list
from server.values import integer
from server.values import integer_in
from server.values import text

FLAG = "--api-key-file"
WORD = re.compile(r"[a-z_]+=\S*")


class Role(Enum):
    """What a key opens."""

    ADMIN = "admin"
    """Everything, as every key does in llama-server."""
    API = "api"
    """Everything but what shows or changes others' work: metrics, slots, adapters, properties."""
    METRICS = "metrics"
    """The metrics and nothing else."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and what it is allowed. 0 = no limit."""

    key: str = field(repr=False)
    name: str = ""
    """Who it is, in logs. Keys of one name share their turns in the queue; "" = only itself."""
    role: Role = Role.ADMIN
    requests_per_min: int = 0
    tokens_per_min: int = 0
    concurrent: int = 0
    models: tuple[str, ...] = ()
    """Names of the models that may be asked; () = all."""
    priority: int = 0
    """The best (lowest) priority that a request may claim."""


def _role(given: str) -> Role:
    try:
        return Role(given)
    except ValueError:
        raise BadValue(f"one of {', '.join(role.value for role in Role)}", given) from None


PARSERS = {
    "name": text,
    "role": _role,
    "requests_per_min": integer_in(1),
    "tokens_per_min": integer_in(1),
    "concurrent": integer_in(1),
    "models": comma_list,
    "priority": integer,
}


def read_keys(http: HttpSettings) -> tuple[ApiKey, ...]:
    """All keys; () = none are needed. OptionError if a file can't be read or has no key."""
    keys = tuple(map(ApiKey, http.api_keys))
    for path in http.api_key_files:
        try:
            lines = key_file(path)
        except BadValue as error:
            raise OptionError(f"{FLAG}: {error}") from None
        keys += tuple(_parsed(line, path) for line in lines)
    return keys


def _parsed(line: str, path: str) -> ApiKey:
    """One line. A line whose further words are not name=value is a key with blanks in it."""
    key, *words = line.split()
    if not words or not all(map(WORD.fullmatch, words)):
        return ApiKey(line)
    entry = ApiKey(key)
    for name, _, value in (word.partition("=") for word in words):
        parse = PARSERS.get(name)
        # never the line itself: it holds the key
        if parse is None:
            raise OptionError(f"{FLAG}: {path}: {name}: not known; expected {', '.join(PARSERS)}")
        try:
            entry = replace(entry, **{name: parse(value)})  # type: ignore[arg-type]
        except BadValue as error:
            raise OptionError(f"{FLAG}: {path}: {name}: {error}") from None
    return entry
