"""The Jinja dialect of chat templates: jinja2's immutable sandbox, with what they expect to find.

A template comes out of a model file, so it is not trusted: no private attributes, no writing to
what it is given, no more time and text than `limits.py` allows. Within that it is lenient where
templates rely on it: null and undefined join as empty text, attributes of undefined are undefined.
Answers to llama.cpp `common/jinja/runtime.cpp` and `value.cpp`; it knows no messages.
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
from jinja2 import Template
from jinja2 import pass_context
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateRuntimeError
from jinja2.exceptions import UndefinedError
from jinja2.ext import Extension
from jinja2.ext import loopcontrols
from jinja2.filters import do_items
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.chat.compiler import CountingGenerator
from server.chat.guards import check_text_method
from server.chat.guards import guarded_filters
from server.chat.guards import guarded_tests
from server.chat.guards import to_json
from server.chat.limits import Allowance
from server.chat.limits import Exceeded
from server.chat.limits import check_format
from server.chat.limits import check_integers
from server.chat.limits import check_items

SEEKERS = frozenset({"count", "index", "remove"})
"""Methods of lists that compare."""
DICT_METHODS = frozenset({"get", "items", "keys", "values"})
LIST_WRITERS = frozenset({"append", "pop"})
"""Templates queue things in lists of their own; what they are given is a copy."""
UNSAFE_METHODS = frozenset(
    {"center", "encode", "expandtabs", "ljust", "rjust", "translate", "zfill"}
)
MAX_REPEATED = 100_000
"""The longest text or list that `*` may make."""
MAX_EXPONENT = 64
ABSENT_FILTERS = (
    "batch",
    "center",
    "pprint",
    "slice",
    "striptags",
    "urlize",
    "wordwrap",
    "xmlattr",
)
"""They make texts and lists of any size, or take any time, and no template needs them."""

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


class ChatContext(Context):
    """The variables of a rendering, and what is left to it."""

    allowance: Allowance

    def derived(self, locals: dict[str, Any] | None = None) -> Context:
        """As the base; the allowance is one."""
        context = super().derived(locals)
        assert isinstance(context, ChatContext)
        context.allowance = self.allowance
        return context

    def join_text(self, values: Iterable[Any]) -> str:
        """`a ~ b ~ c`."""
        return self.allowance.joined(
            [value if type(value) is str else self._text(value) for value in values]
        )

    def shown(self, value: Any) -> Any:
        """What `{{ value }}` prints."""
        if isinstance(value, (dict, list, tuple)):
            self.allowance.take_value(value)
        return _shown(value)

    def _text(self, value: Any) -> str:
        return str(self.shown(value))


class ChatEnvironment(ImmutableSandboxedEnvironment):
    """Where chat templates are compiled and run. It holds no state of a rendering."""

    code_generator_class = CountingGenerator
    context_class = ChatContext
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            undefined=ChainableUndefined,
            finalize=_printed,
            cache_size=0,
        )
        for name in ABSENT_FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        self.filters |= {name: _listing(self.filters[name]) for name in LAZY_FILTERS}
        self.filters["fromjson"] = json.loads
        self.filters |= guarded_filters(self.filters)
        tests: dict[str, Any] = {**self.tests}
        self.tests |= guarded_tests(tests)
        self.filters |= {
            "d": _default,
            "default": _default,
            "items": _items,
            "safe": str,
            "tojson": to_json,
        }
        self.globals["raise_exception"] = _raise_exception

    def run(self, template: Template, variables: Mapping[str, Any], allowance: Allowance) -> str:
        """Render. Exceeded where the allowance does not suffice."""
        context = template.new_context(dict(variables))
        assert isinstance(context, ChatContext)
        context.allowance = allowance
        try:
            return allowance.joined(template.root_render_func(context))
        except Exception:
            self.handle_exception()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As the immutable sandbox, but lists can be appended to, and texts not blown up."""
        if isinstance(obj, list) and attr in LIST_WRITERS:
            return True
        if isinstance(obj, str) and attr in UNSAFE_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: of an object its four methods, else its keys."""
        if isinstance(obj, dict) and attribute not in DICT_METHODS:
            return obj[attribute] if attribute in obj else self.undefined(name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        if isinstance(argument, tuple):
            raise SecurityError("no object has lists for keys")
        if isinstance(obj, dict) and argument not in DICT_METHODS:
            return obj[argument] if argument in obj else self.undefined(name=str(argument))
        return super().getitem(obj, argument)

    def unsafe_undefined(self, obj: Any, attribute: str) -> NoReturn:
        """Refuse at once; an undefined value could be passed on unnoticed."""
        raise SecurityError(f"access to attribute {attribute!r} is unsafe")

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """As the sandbox, but no huge widths."""
        wrapper = super().wrap_str_format(value)
        if wrapper is not None:
            check_format(value.__self__)
        return wrapper

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """As the sandbox, but methods of texts ask the allowance first."""
        owner = getattr(__obj, "__self__", None)
        assert isinstance(__context, ChatContext)
        allowance = __context.allowance
        if isinstance(owner, str):
            check_text_method(allowance, owner, __obj.__name__, args, kwargs)
        elif isinstance(owner, (list, tuple, dict)):
            name = __obj.__name__
            if name in SEEKERS:
                allowance.weigh(owner)
            if name in SEEKERS or name == "get":
                for value in args:
                    allowance.weigh(value)
        result = super().call(__context, __obj, *args, **kwargs)
        if __obj is dict or (isinstance(owner, (str, list)) and not isinstance(result, str)):
            allowance.charge(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An intercepted operator."""
        assert isinstance(context, ChatContext)
        if operator == "+":
            return _add(context, left, right)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("text can't be formatted with %; join it with ~")
        if operator == "**" and abs(right) > MAX_EXPONENT:
            raise Exceeded(f"an exponent over {MAX_EXPONENT}")
        if operator == "*" and _repeated_length(left, right) > MAX_REPEATED:
            raise Exceeded(f"a repetition of over {MAX_REPEATED} items")
        if operator in ("*", "**"):
            check_integers(operator, left, right)
        return context.allowance.charge(super().call_binop(context, operator, left, right))


@pass_context
def _printed(context: ChatContext, value: Any) -> Any:
    return context.shown(value)


def _shown(value: Any) -> Any:
    return "" if value is None else value


def _add(context: ChatContext, left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return context.allowance.joined((left, right))
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        check_items(len(left) + len(right))
    try:
        return context.allowance.charge(left + right)
    except (TypeError, UndefinedError):
        if isinstance(left, str) or isinstance(right, str):
            return context.join_text((left, right))
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


def clock(now: datetime) -> dict[str, str | Callable[[str], str]]:
    """The names by which templates ask for the time. now: in the time zone to be shown."""

    def strftime_now(form: str) -> str:
        check_format(form)
        return now.strftime(form)

    return {
        "strftime_now": strftime_now,
        "datetime": now.strftime("%b %d %Y"),
        "date_string": now.strftime("%d %b %Y"),
    }
