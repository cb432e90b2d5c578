"""Parsers that only options need: files, CPU masks, layer counts, overrides of the model.

Each takes text and returns a value or raises BadValue, as those of `server.values` do. Answers to
the handlers in llama.cpp common/arg.cpp and to parse_cpu_mask, parse_cpu_range and
string_parse_kv_override in common/common.cpp.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

from server.options.machine import logical_cpus
from server.values import UINT32_MAX
from server.values import BadValue
from server.values import comma_list
from server.values import integer
from server.values import json_object
from server.values import json_value
from server.values import number
from server.values import one_of
from server.values import stripped_list

MAX_SLOTS = 256
"""llama-cparams.h: LLAMA_MAX_SEQ"""

MAX_CPUS = 512
"""ggml-cpu's GGML_MAX_N_THREADS."""

MAX_OVERRIDE_CHARS = 127
"""The longest key or string value of a metadata override (llama.h)."""

GPU_LAYERS_AUTO = -1
GPU_LAYERS_ALL = -2


def existing_text_file(path: str) -> str:
    """The text of a file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue(f"a readable text file ({_reason(error)})", path) from None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else error.reason) or str(error)


def key_file(path: str) -> tuple[str, ...]:
    """The lines of a file, but not the empty ones and those that begin with a hash.

    There must be one at least: without keys everybody may ask.
    """
    lines = (line.strip() for line in existing_text_file(path).splitlines())
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise BadValue("a file with at least one key", path)
    return keys


def file_of_keys(path: str) -> tuple[str, ...]:
    """The path of a file with keys, which are read again when they are needed."""
    key_file(path)
    return (path,)


def json_file(path: str) -> object:
    """The JSON in a file."""
    return json_value(existing_text_file(path))


def json_object_text(value: str) -> str:
    """The text of a JSON object, checked."""
    json_object(value)
    return value


def json_object_file(path: str) -> str:
    """The text of a file that holds a JSON object."""
    return json_object_text(existing_text_file(path))


def directory(path: str) -> str:
    """The path of a directory that exists."""
    if not Path(path).is_dir():
        raise BadValue("a directory that exists", path)
    return path


def hosts(value: str) -> tuple[str, ...]:
    """At least one address or UNIX socket path, between commas."""
    addresses = stripped_list(value)
    if not addresses:
        raise BadValue("at least one address", value)
    return addresses


def host_names(value: str) -> tuple[str, ...]:
    """Names of hosts as they stand in a Host header, between commas; a dot in front is kept."""
    names = []
    for name in stripped_list(value):
        dot, plain = "." * name.startswith("."), name.strip(".")
        try:
            names.append(dot + plain.encode("idna").decode("ascii").lower())
        except UnicodeError:
            raise BadValue("names of hosts", name) from None
        if not plain:
            raise BadValue("names of hosts", name)
    return tuple(names)


def port(value: str) -> int:
    """A TCP port; 0 = any free one."""
    result = integer(value)
    if not 0 <= result <= 65535:
        raise BadValue("a port from 0 to 65535", value)
    return result


def api_prefix(value: str) -> str:
    """A URL path prefix without the slash at its end."""
    if value and not value.startswith("/"):
        raise BadValue("a prefix that begins with a slash", value)
    return value.rstrip("/")


def slots(value: str) -> int:
    """A count of slots; -1 = the server chooses."""
    result = integer(value)
    if result == 0 or result > MAX_SLOTS:
        raise BadValue(f"a count of slots (1 to {MAX_SLOTS}), or -1 for auto", value)
    return result


def idle_seconds(value: str) -> int:
    """Seconds, at least 1, or -1."""
    result = integer(value)
    if result == 0 or result < -1:
        raise BadValue("seconds (at least 1), or -1 for never", value)
    return result


def threads(value: str) -> int:
    """A count of threads; all logical CPUs where it is not positive."""
    result = integer(value)
    return result if result > 0 else logical_cpus()


def gpu_layers(value: str) -> int:
    """A count of layers, or auto (-1), or all (-2)."""
    words = {"auto": GPU_LAYERS_AUTO, "all": GPU_LAYERS_ALL}
    if value in words:
        return words[value]
    try:
        return integer(value)
    except BadValue:
        raise BadValue("a count of layers, auto or all", value) from None


def cpu_mask(value: str) -> tuple[int, ...]:
    """The numbers of the CPUs whose bits are set in a hexadecimal mask."""
    digits = value[2:] if value.startswith("0x") else value
    if not re.fullmatch(r"[0-9a-fA-F]{1,128}", digits):
        raise BadValue("a hexadecimal mask", value)
    bits = int(digits, 16)
    return tuple(i for i in range(bits.bit_length()) if bits >> i & 1)


def cpu_range(value: str) -> tuple[int, ...]:
    """The CPUs from lo to hi of 'lo-hi'; either end may be left out."""
    match = re.fullmatch(r"(\d*)-(\d*)", value)
    if match is None:
        raise BadValue("a range of CPUs such as 0-3", value)
    low, high = int(match[1] or 0), int(match[2] or MAX_CPUS - 1)
    if high >= MAX_CPUS:
        raise BadValue(f"CPU numbers below {MAX_CPUS}", value)
    return tuple(range(low, high + 1))


def metadata_overrides(value: str) -> tuple[tuple[str, int | float | bool | str], ...]:
    """KEY=TYPE:VALUE between commas; the Python type of each value is its type."""
    return tuple(_metadata_override(item) for item in comma_list(value))


def _metadata_override(item: str) -> tuple[str, int | float | bool | str]:
    match = re.fullmatch(r"([^=]+)=(int|float|bool|str):(.*)", item, re.DOTALL)
    if match is None:
        raise BadValue("KEY=TYPE:VALUE with a type of int, float, bool or str", item)
    key, kind, value = match.groups()
    if max(len(key), len(value)) > MAX_OVERRIDE_CHARS:
        raise BadValue(f"a key and value of at most {MAX_OVERRIDE_CHARS} characters", item)
    if kind == "int":
        if not re.fullmatch(r"[+-]?\d+", value):
            raise BadValue("an integer after int:", item)
        return key, int(value)
    if kind == "float":
        return key, number(value)
    if kind == "bool":
        if value not in ("true", "false"):
            raise BadValue("true or false after bool:", item)
        return key, value == "true"
    return key, value


def tensor_overrides(value: str) -> tuple[tuple[str, str], ...]:
    """PATTERN=BUFFER_TYPE between commas."""
    pairs = tuple(tuple(item.rsplit("=", 1)) for item in comma_list(value))
    for pair in pairs:
        if len(pair) != 2 or not all(pair):
            raise BadValue("TENSOR_PATTERN=BUFFER_TYPE", value)
        _check_expression(pair[0])
    return tuple((pattern, buffer) for pattern, buffer in pairs)


def _check_expression(pattern: str) -> None:
    """libllama's dialect differs a little, but what nobody understands is said at once."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        raise BadValue(f"a regular expression ({error})", pattern) from None


def scaled_files(value: str) -> tuple[tuple[str, float], ...]:
    """FILE:SCALE between commas."""
    pairs = []
    for item in comma_list(value):
        path, colon, scale = item.rpartition(":")
        if not colon or not path:
            raise BadValue("FILE:SCALE", item)
        pairs.append((path, number(scale)))
    return tuple(pairs)


def plain_files(value: str) -> tuple[tuple[str, float], ...]:
    """Files between commas, each with the scale 1."""
    return tuple((path, 1.0) for path in comma_list(value))


def dry_breaker(value: str) -> tuple[str, ...]:
    """One text that breaks DRY's sequences; none = there are no such texts."""
    return () if value == "none" else (value,)


def drafters(*names: str) -> Callable[[str], tuple[str, ...]]:
    """A parser for some of these names between commas; none = no drafter, whatever else."""
    known = one_of(*names)

    def parse_drafters(value: str) -> tuple[str, ...]:
        chosen = tuple(known(name) for name in value.split(","))
        return () if "none" in chosen else chosen

    return parse_drafters


def layer_range(value: str) -> tuple[int, int]:
    """Two layer numbers, START END."""
    parts = value.split()
    if len(parts) != 2:
        raise BadValue("two layer numbers, START END", value)
    return integer(parts[0]), integer(parts[1])


def sse_interval(value: str) -> int:
    """Seconds between pings; -1 = never."""
    result = integer(value)
    if result == 0 or result < -1:
        raise BadValue("seconds (at least 1), or -1 for never", value)
    return result


def fit_targets(value: str) -> tuple[int, ...]:
    """MiB to leave free, for all devices or for each."""
    amounts = tuple(integer(part) for part in re.split(r"[,/]+", value))
    if any(not 0 <= amount <= UINT32_MAX for amount in amounts):
        raise BadValue("MiB to leave free on each device", value)
    return amounts
