"""What a request says about the form of its output -> a constraint for the engine.

A JSON schema, a regular expression or a Lark grammar become a token mask; GBNF stays what it is.
Where the model may think first, the constraint binds what comes after. Answers to the handling of
`response_format` in llama.cpp `tools/server/server-common.cpp`, and beyond it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import TypeVar

from server.engine.task import Constraint
from server.engine.task import SamplingParams
from server.grammar import GrammarError
from server.grammar import json_rule
from server.grammar import lark_grammar
from server.grammar import regex_rule
from server.schema.errors import SchemaError
from server.schema.field import json_type
from server.schema.thinking import Tags

T = TypeVar("T")

ANY_OBJECT: Mapping[str, object] = {"type": "object"}
LARK_MARK = "%llguidance"
"""A grammar that begins with it is none in GBNF, as in a llama-server built with llguidance."""

SPACE = r"/[ \t\r\n]{1,8}/"
"""What a model may write between its thoughts and its answer."""

OWN_FORMATS = ("json_schema", "regex", "lark")
TYPES = ("text", "json_object", "json_schema", "regex", "lark")


@dataclass(frozen=True, slots=True)
class Wish:
    """One form of output that a request asks for. field: where, for messages."""

    kind: str
    value: object
    field: str


def constrained(
    sampling: SamplingParams, given: Mapping[str, object], tags: Tags
) -> SamplingParams:
    """sampling with the constraint that the request asks for, if any. SchemaError.

    given: the parsed fields that constrain, by name; those that say nothing are missing.
    """
    grammar = given.get("grammar")
    wish = _wish(given)
    if isinstance(grammar, str) and grammar.startswith(LARK_MARK):
        _refuse_second(wish, "grammar")
        wish, grammar = Wish("lark", grammar, "grammar"), ""
    elif grammar:
        if wish is not None and wish.kind != "json_schema":
            _refuse_second(wish, "grammar")
        return replace(sampling, grammar=str(grammar), constraint=None)
    if wish is None:
        return replace(sampling, constraint=None) if grammar == "" else sampling
    return replace(sampling, grammar="", constraint=constraint_of(wish, tags))


def constraint_of(wish: Wish, tags: Tags) -> Constraint:
    """The constraint of one wish. SchemaError."""
    if wish.kind == "lark":
        return _checked(wish, lambda: Constraint(lark_grammar(str(wish.value)), after=tags.ends))
    return after_thinking(rule_of(wish), tags)


def rule_of(wish: Wish) -> str:
    """The expression of a wish that is no whole grammar. SchemaError."""
    if wish.kind == "regex":
        return _checked(wish, lambda: regex_rule(str(wish.value)))
    return _checked(wish, lambda: json_rule(ANY_OBJECT if wish.value == {} else wish.value))


def _checked(wish: Wish, make: Callable[[], T]) -> T:
    try:
        return make()
    except GrammarError as error:
        raise SchemaError(wish.field, f"Field '{wish.field}': {error}") from None


def default_constraint(schema: object) -> Constraint:
    """What holds for requests that ask for nothing, where the server has a schema. SchemaError."""
    return constraint_of(Wish("json_schema", schema, "json_schema"), Tags())


def after_thinking(rule: str, tags: Tags) -> Constraint:
    """A grammar of one expression, which holds from the first token after any thoughts."""
    if not tags.ends or tags.is_closed:
        return Constraint(f"start: {rule}")
    if tags.is_open:
        return Constraint(f"start: SPACE? answer\nanswer: {rule}\nSPACE: {SPACE}", after=tags.ends)
    thoughts = regex_rule(tags.pattern)
    return Constraint(
        f"start: (thoughts SPACE?)? answer\nanswer: {rule}\n"
        f"thoughts[lazy]: {thoughts}\nSPACE: {SPACE}"
    )


def answer_rule(body: Mapping[str, object]) -> tuple[str, bool]:
    """(what the content of an answer must match, whether that is JSON); ("", False) if anything.

    body: of a chat. SchemaError.
    """
    if body.get("grammar"):
        return "", False
    wish = _wish(body)
    if wish is None or wish.kind == "lark":
        return "", False
    return rule_of(wish), wish.kind == "json_schema"


def _wish(given: Mapping[str, object]) -> Wish | None:
    """The one thing that is asked for beside a grammar. SchemaError where there are several."""
    wishes = [Wish(kind, given[kind], kind) for kind in OWN_FORMATS if given.get(kind) is not None]
    wishes = [wish for wish in wishes if wish.value != "" or wish.kind == "json_schema"]
    formatted = of_format(given.get("response_format"))
    if formatted is not None:
        schemas = [wish for wish in wishes if wish.kind == "json_schema"]
        if formatted.value is None:
            # as in the reference, a bare json_object leaves the choice to `json_schema`
            wishes += [] if schemas else [replace(formatted, value={})]
        elif formatted.kind == "json_schema":
            wishes = [wish for wish in wishes if wish not in schemas] + [formatted]
        else:
            wishes.append(formatted)
    if len(wishes) > 1:
        _refuse_second(wishes[0], wishes[1].field)
    return wishes[0] if wishes else None


def _refuse_second(wish: Wish | None, field: str) -> None:
    if wish is not None:
        raise SchemaError(field, f"Cannot use both {wish.field} and {field}; leave one of them out")


def of_format(response_format: object) -> Wish | None:
    """What `response_format` asks for; value None: any object. SchemaError."""
    if response_format is None:
        return None
    field = "response_format"
    if not isinstance(response_format, Mapping):
        got = json_type(response_format)
        raise SchemaError(field, f"Field '{field}': expected an object, got {got}")
    kind = response_format.get("type")
    match kind:
        case None | "" | "text":
            return None
        case "json_object":
            return Wish("json_schema", response_format.get("schema"), f"{field}.schema")
        case "json_schema":
            wrapper = response_format.get("json_schema")
            nested = isinstance(wrapper, Mapping)
            schema = wrapper.get("schema") if isinstance(wrapper, Mapping) else None
            if schema is None:
                schema = response_format.get("schema")
                nested = False
            place = f"{field}.json_schema.schema" if nested else f"{field}.schema"
            return Wish("json_schema", {} if schema is None else schema, place)
        case "regex" | "lark":
            text = response_format.get(kind)
            if not isinstance(text, str):
                got = json_type(text)
                message = f"Field '{field}.{kind}': expected a string, got {got}"
                raise SchemaError(f"{field}.{kind}", message)
            return Wish(kind, text, f"{field}.{kind}")
    known = ", ".join(f'"{name}"' for name in TYPES)
    raise SchemaError(field, f"response_format type must be one of {known}, but got: {kind}")
