"""The Jinja dialect of chat templates: jinja2's immutable sandbox, with what they expect to find.

A template comes out of a model file, so it is not trusted: no private attributes, no writing to
what it is given, no huge ranges or repetitions. Within that it is lenient where templates rely on
it: null and undefined join as empty text, attributes of undefined are undefined. Answers to
llama.cpp `common/jinja/runtime.cpp` and `value.cpp`; it knows no messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from functools import wraps
from typing import Any
from typing import NoReturn
from typing import cast

from jinja2 import ChainableUndefined
from jinja2.compiler import CodeGenerator
from jinja2.compiler import Frame
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateRuntimeError
from jinja2.exceptions import UndefinedError
from jinja2.ext import Extension
from jinja2.ext import loopcontrols
from jinja2.filters import do_items
from jinja2.nodes import Concat
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

DICT_METHODS = frozenset({"get", "items", "keys", "values"})
LIST_WRITERS = frozenset({"append", "pop"})
"""Templates queue things in lists of their own; what they are given is a copy."""
PADDERS = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
MAX_REPEATED = 100_000
"""The longest text or list that `*` may make."""
MAX_EXPONENT = 64


LAZY_FILTERS = ("map", "reject", "rejectattr", "reverse", "select", "selectattr", "unique")
"""Templates take the length of what these make, index it and print it."""


class Refused(TemplateRuntimeError):
    """What `raise_exception` raises."""


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}` marks text for training: no effect."""

    # jinja2 declares it so that it can't be a ClassVar
    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[Node]:
        """The body as it is."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _CodeGenerator(CodeGenerator):
    """`a ~ b` goes through the environment, as jinja2 itself lets only the operators do."""

    def visit_Concat(self, node: Concat, frame: Frame) -> None:
        self.write("environment.join_text((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class ChatEnvironment(ImmutableSandboxedEnvironment):
    """Where chat templates are compiled and run. It holds no state of a rendering."""

    code_generator_class = _CodeGenerator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            undefined=ChainableUndefined,
            finalize=_shown,
            cache_size=0,
        )
        self.filters |= {name: _listing(self.filters[name]) for name in LAZY_FILTERS}
        self.filters |= {
            "d": _default,
            "default": _default,
            "fromjson": json.loads,
            "items": _items,
            "safe": str,
            "tojson": _to_json,
        }
        self.globals["raise_exception"] = _raise_exception

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As the immutable sandbox, but lists can be appended to, and texts not padded."""
        if isinstance(obj, list) and attr in LIST_WRITERS:
            return True
        if isinstance(obj, str) and attr in PADDERS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: of an object its four methods, else its keys."""
        if isinstance(obj, dict) and attribute not in DICT_METHODS:
            return obj[attribute] if attribute in obj else self.undefined(name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        if isinstance(obj, dict) and argument not in DICT_METHODS:
            return obj[argument] if argument in obj else self.undefined(name=str(argument))
        return super().getitem(obj, argument)

    def unsafe_undefined(self, obj: Any, attribute: str) -> NoReturn:
        """Refuse at once; an undefined value could be passed on unnoticed."""
        raise SecurityError(f"access to attribute {attribute!r} is unsafe")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An intercepted operator."""
        if operator == "+":
            return _add(left, right)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("text can't be formatted with %; join it with ~")
        if operator == "**" and abs(right) > MAX_EXPONENT:
            raise SecurityError(f"an exponent over {MAX_EXPONENT}")
        if operator == "*" and _repeated_length(left, right) > MAX_REPEATED:
            raise SecurityError(f"a repetition of over {MAX_REPEATED} items")
        return super().call_binop(context, operator, left, right)

    def join_text(self, values: Iterable[Any]) -> str:
        """`a ~ b ~ c`."""
        return "".join([value if type(value) is str else str(_shown(value)) for value in values])


def _shown(value: Any) -> Any:
    return "" if value is None else value


def _add(left: Any, right: Any) -> Any:
    try:
        return left + right
    except (TypeError, UndefinedError):
        if isinstance(left, str) or isinstance(right, str):
            return f"{_shown(left)}{_shown(right)}"
        raise


def _repeated_length(left: Any, right: Any) -> int:
    length = 0
    for items, count in ((left, right), (right, left)):
        if isinstance(items, (str, list, tuple)) and isinstance(count, int):
            length = max(length, len(items) * count)
    return length


def _listing(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return list(result) if isinstance(result, Iterator) else result

    return call


def _raise_exception(message: object) -> NoReturn:
    raise Refused(str(message))


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    # null counts as missing: clients send it for fields they leave out
    missing = not value if boolean else value is None or isinstance(value, Undefined)
    return default_value if missing else value


def _items(value: Mapping[Any, Any] | None) -> Iterable[tuple[Any, Any]]:
    return () if value is None else cast(Iterable[tuple[Any, Any]], do_items(value))


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # jinja2's own filter escapes HTML characters, which a prompt must not have
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


def clock(now: datetime) -> dict[str, str | Callable[[str], str]]:
    """The names by which templates ask for the time. now: in the time zone to be shown."""
    return {
        "strftime_now": now.strftime,
        "datetime": now.strftime("%b %d %Y"),
        "date_string": now.strftime("%d %b %Y"),
    }
