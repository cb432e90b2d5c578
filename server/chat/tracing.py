"""Values that remember whether a template looked at them, and an environment that asks them to.

What a template makes use of can't always be read from its output: some look at a message and print
none of it. Answers to the value statistics in llama.cpp `common/jinja/value.h`; only
`capabilities.py` uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NoReturn

from jinja2 import pass_context
from jinja2.runtime import Context

from server.chat.environment import ChatEnvironment


class Trace:
    """What happened to a value. `as_list`: it was iterated over or indexed."""

    __slots__ = ("as_list", "is_used", "was_asked_for_string")

    def __init__(self) -> None:
        self.is_used = False
        self.as_list = False
        self.was_asked_for_string = False


class TracedText(str):
    """A text that can't be iterated over, since no template should."""

    trace: Trace

    def __iter__(self) -> NoReturn:
        self.trace.as_list = True
        raise TypeError("a text is no list")

    def __str__(self) -> str:
        self.trace.is_used = True
        return str.__str__(self)

    def __bool__(self) -> bool:
        self.trace.is_used = True
        return len(self) > 0

    def __eq__(self, other: object) -> bool:
        self.trace.is_used = True
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        self.trace.is_used = True
        return str.__hash__(self)


class TracedList(list[Any]):
    """A list."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__(items)
        self.trace = Trace()

    def __iter__(self) -> Iterator[Any]:
        self.trace.as_list = True
        return super().__iter__()


class TracedDict(dict[str, Any]):
    """An object."""

    def __init__(self, items: dict[str, Any]) -> None:
        super().__init__(items)
        self.trace = Trace()

    def get(self, key: str, default: Any = None) -> Any:
        """As dict.get."""
        return used(super().get(key, default))

    def items(self) -> Any:
        """As dict.items."""
        self._use_values()
        return super().items()

    def values(self) -> Any:
        """As dict.values."""
        self._use_values()
        return super().values()

    def _use_values(self) -> None:
        for value in super().values():
            used(value)


Traced = (TracedText, TracedList, TracedDict)


def traced(value: Any) -> Any:
    """A JSON value with a memory."""
    if isinstance(value, str):
        text = TracedText(value)
        text.trace = Trace()
        return text
    if isinstance(value, list):
        return TracedList([traced(item) for item in value])
    if isinstance(value, dict):
        return TracedDict({key: traced(item) for key, item in value.items()})
    return value


def used(value: Any) -> Any:
    """The value, remembered as looked at."""
    if isinstance(value, Traced):
        value.trace.is_used = True
    return value


def used_deeply(value: Any) -> Any:
    """A plain copy of the value, which is remembered as looked at with all it holds."""
    used(value)
    if isinstance(value, dict):
        return {key: used_deeply(item) for key, item in dict.items(value)}
    if isinstance(value, list):
        return [used_deeply(item) for item in list.__iter__(value)]
    return value


class TracingEnvironment(ChatEnvironment):
    """Renders like its base, and leaves traces."""

    def __init__(self) -> None:
        super().__init__()
        filters: dict[str, Any] = self.filters.copy()
        tests: dict[str, Any] = {**self.tests}

        def traced_string(value: Any) -> bool:
            if isinstance(value, Traced):
                value.trace.was_asked_for_string = True
            return bool(tests["string"](used(value)))

        @pass_context
        def traced_selectattr(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(value, Traced):
                value.trace.as_list = True
            return filters["selectattr"](context, value, *args, **kwargs)

        self.filters |= {
            "tojson": _with_context(filters["tojson"], used_deeply),
            "string": _with_context(filters["string"], used_deeply),
            "default": _with_used(filters["default"], used),
            "d": _with_used(filters["d"], used),
            "selectattr": traced_selectattr,
        }
        self.tests |= {"string": traced_string, "defined": _with_used(tests["defined"], used)}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As the base."""
        used(obj)
        return used(super().getattr(obj, attribute))

    def getitem(self, obj: Any, argument: Any) -> Any:
        """As the base."""
        used(obj)
        if isinstance(obj, Traced) and isinstance(argument, int):
            obj.trace.as_list = True
        return used(super().getitem(obj, argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """As the base."""
        return super().call_binop(context, operator, used(left), used(right))


def _with_used(function: Callable[..., Any], mark: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(value: Any, *args: Any, **kwargs: Any) -> Any:
        return function(mark(value), *args, **kwargs)

    return call


def _with_context(function: Callable[..., Any], mark: Callable[[Any], Any]) -> Callable[..., Any]:
    @pass_context
    def call(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        return function(context, mark(value), *args, **kwargs)

    return call
