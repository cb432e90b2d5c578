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

from server.chat.limits import MAX_INDENT
from server.chat.limits import MAX_ITEMS
from server.chat.limits import Allowance
from server.chat.limits import Exceeded
from server.chat.limits import check_format
from server.chat.limits import check_items
from server.chat.limits import replaced_length

Filter = Callable[..., Any]


def guarded_filters(plain: Mapping[str, Filter]) -> dict[str, Filter]:
    """Those of the plain filters that can make much."""
    guards: dict[str, Callable[[Allowance, Any, tuple[Any, ...], dict[str, Any]], None]] = {
        "indent": _guard_indent,
        "join": _guard_join,
        "list": _guard_list,
        "replace": _guard_replace,
        "string": _guard_string,
    }
    guarded = {name: _guarded(plain[name], guard) for name, guard in guards.items()}
    return guarded | {"format": _format}


def check_text_method(allowance: Allowance, text: str, name: str, args: tuple[Any, ...]) -> None:
    """Before a method of a text is called."""
    if name == "replace":
        _guard_replace(allowance, text, args, {})
    elif name == "join":
        _guard_join(allowance, args[0] if args else (), (text,), {})
    elif name in ("split", "rsplit", "splitlines"):
        _guard_split(text, args)


def _guarded(function: Filter, guard: Callable[..., None]) -> Filter:
    needs_eval_context = hasattr(function, "jinja_pass_arg")

    @pass_context
    def call(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        guard(context.allowance, value, args, kwargs)  # type: ignore[attr-defined]
        if needs_eval_context:
            return function(context.eval_ctx, value, *args, **kwargs)
        return function(value, *args, **kwargs)

    return call


def _format(value: object, *args: object, **kwargs: object) -> str:
    check_format(str(value))
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
