"""Filters and methods that can make much out of little: they ask the allowance before they do.

Small templates can double a text or a list until the memory is full; an operation in C, once
begun, can't be stopped. Answers to `common/jinja/value.cpp` of llama.cpp in what `tojson` prints.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.filters import do_format
from jinja2.runtime import Context
from jinja2.runtime import Undefined

from server.chat.limits import ITEM
from server.chat.limits import MAX_DIGITS
from server.chat.limits import MAX_INDENT
from server.chat.limits import MAX_ITEMS
from server.chat.limits import POINTER
from server.chat.limits import Allowance
from server.chat.limits import Exceeded
from server.chat.limits import check_format
from server.chat.limits import check_items
from server.chat.limits import replaced_length

Filter = Callable[..., Any]

CHARGED = (
    "capitalize",
    "dictsort",
    "e",
    "escape",
    "forceescape",
    "list",
    "lower",
    "reverse",
    "sort",
    "title",
    "trim",
    "truncate",
    "upper",
    "urlencode",
)
"""Filters that make as much as they are given, or a little more."""
COMPARING = (
    *("!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le"),
    *("lessthan", "lt", "ne"),
)
MAKING = frozenset(
    {"capitalize", "casefold", "lower", "lstrip", "partition", "removeprefix", "removesuffix"}
    | {"rpartition", "rsplit", "rstrip", "split", "splitlines", "strip", "swapcase", "title"}
    | {"upper"}
)
"""Methods of texts that copy them."""
MAX_SHOWN = 64
"""How long a value that is no text is thought to be in a format; the whole of it is taken."""


def guarded_filters(plain: Mapping[str, Filter]) -> dict[str, Filter]:
    """Those of the plain filters that can make much."""
    guards: dict[str, Callable[[Allowance, Any, tuple[Any, ...], dict[str, Any]], None]] = {
        "indent": _guard_indent,
        "join": _guard_join,
        "list": _guard_list,
        "replace": _guard_replace,
        "string": _guard_string,
        "dictsort": _guard_order,
        "fromjson": _guard_from_json,
        "groupby": _guard_order,
        "int": _guard_int,
        "max": _guard_order,
        "min": _guard_order,
        "sort": _guard_order,
        "sum": _guard_sum,
        "unique": _guard_order,
    }
    guarded = {name: _guarded(plain[name], guard) for name, guard in guards.items()}
    charged = {name: _charged(guarded.get(name, plain[name])) for name in CHARGED}
    return guarded | charged | {"format": _format}


def guarded_tests(plain: Mapping[str, Filter]) -> dict[str, Filter]:
    """Those of the plain tests that compare."""
    return {name: _weighing(plain[name]) for name in COMPARING}


def check_text_method(
    allowance: Allowance, text: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Before a method of a text is called."""
    if name == "replace":
        _guard_replace(allowance, text, args, {})
    elif name == "join":
        _guard_join(allowance, args[0] if args else (), (text,), {})
    elif name in ("format", "format_map"):
        _take_format(allowance, text, "{", [*args, *kwargs.values()])
    elif name in MAKING:
        allowance.take(len(text))
        if name in ("split", "rsplit", "splitlines"):
            _guard_split(text, args)


def _guarded(function: Filter, guard: Callable[..., None]) -> Filter:
    kind = getattr(function, "jinja_pass_arg", None)

    @pass_context
    def call(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        guard(context.allowance, value, args, kwargs)  # type: ignore[attr-defined]
        given = () if kind is None else (_passed(context, kind),)
        return function(*given, value, *args, **kwargs)

    return call


def _charged(function: Filter) -> Filter:
    """What comes out is charged, unless it is what went in."""
    kind = getattr(function, "jinja_pass_arg", None)

    @pass_context
    def call(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        given = () if kind is None else (_passed(context, kind),)
        result = function(*given, value, *args, **kwargs)
        if result is not value:
            context.allowance.charge(result)  # type: ignore[attr-defined]
        return result

    return call


def _weighing(function: Filter) -> Filter:
    @pass_context
    def call(context: Context, *values: Any) -> Any:
        for value in values:
            context.allowance.weigh(value)  # type: ignore[attr-defined]
        return function(*values)

    return call


def _passed(context: Context, kind: Any) -> Any:
    """What a filter wants to be given first."""
    return {"context": context, "eval_context": context.eval_ctx}.get(
        kind.name, context.environment
    )


@pass_context
def _format(context: Context, value: object, *args: object, **kwargs: object) -> str:
    check_format(str(value))
    _take_format(context.allowance, str(value), "%", [*args, *kwargs.values()])  # type: ignore[attr-defined]
    return do_format(str(value), *args, **kwargs)


def _guard_indent(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    width = args[0] if args else kwargs.get("width", 4)
    n = len(width) if isinstance(width, str) else int(width)
    if n > MAX_INDENT:
        raise Exceeded(f"it indents by more than {MAX_INDENT}")
    text = str(value)
    allowance.take(len(text) + n * (text.count("\n") + 1))


def _guard_join(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    separator = str(args[0] if args else kwargs.get("d", ""))
    if isinstance(value, (str, list, tuple, dict)):
        allowance.take(len(separator) * len(value))
        allowance.take_value(value)


def _guard_list(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if isinstance(value, str):
        check_items(len(value))
    elif isinstance(value, range):
        allowance.take(ITEM * len(value))


def _guard_replace(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if len(args) < 2:
        args = (*args, *(kwargs[name] for name in ("old", "new")[len(args) :] if name in kwargs))
    if len(args) < 2:
        return
    count = args[2] if len(args) > 2 else kwargs.get("count", -1)
    count = count if isinstance(count, int) else -1
    allowance.take(replaced_length(str(value), str(args[0]), str(args[1]), count))


def _take_format(allowance: Allowance, form: str, mark: str, values: list[Any]) -> None:
    """Each of the values may stand at each mark."""
    for value in values:
        allowance.take_value(value)
    longest = sum(len(value) if isinstance(value, str) else MAX_SHOWN for value in values)
    allowance.take(len(form) + form.count(mark) * longest)


def _guard_order(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    allowance.weigh(value, counts_text=True)


def _guard_sum(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    start = args[1] if len(args) > 1 else kwargs.get("start", 0)
    if not isinstance(start, (int, float)):
        raise Exceeded("it adds up what are no numbers")


def _guard_int(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if isinstance(value, str) and len(value) > MAX_DIGITS:
        raise Exceeded("it makes a huge number")


def _guard_from_json(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if isinstance(value, str):
        allowance.take(POINTER * len(value))


def _guard_string(
    allowance: Allowance, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    allowance.take_value(value)


def _guard_split(text: str, args: tuple[Any, ...]) -> None:
    if len(text) <= MAX_ITEMS:
        return
    separator = args[0] if args and isinstance(args[0], str) and args[0] else None
    check_items(text.count(separator) if separator else len(text.split(None, MAX_ITEMS + 1)))


@pass_context
def to_json(
    context: Context,
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as models were trained on it; jinja2's own filter escapes HTML characters."""
    if indent is not None and indent > MAX_INDENT:
        raise Exceeded(f"it indents by more than {MAX_INDENT}")
    context.allowance.take_value(value)  # type: ignore[attr-defined]
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
        default=_to_plain,
    )


def _to_plain(value: object) -> object:
    if isinstance(value, Undefined):
        return None
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"tojson: {type(value).__name__} has no JSON form")
