"""The triggers of a lazy grammar, as a request has them -> as the engine wants them.

Answers to `grammar_triggers` in llama.cpp `tools/server/server-schema.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

from server.engine.modelinfo import Tokenizer
from server.engine.task import Constraint
from server.engine.task import SamplingParams
from server.engine.task import Trigger
from server.engine.task import TriggerKind
from server.schema.errors import SchemaError
from server.schema.field import BadValue
from server.schema.field import Context
from server.schema.field import json_type
from server.schema.field import to_int
from server.schema.field import to_list

FIELD = "grammar_triggers"
KINDS = {int(kind): kind for kind in TriggerKind}


def parse_triggers(value: object, context: Context) -> tuple[Trigger, ...]:
    """The triggers as they are written."""
    return tuple(_trigger(i, item) for i, item in enumerate(to_list(value, "objects")))


def _trigger(i: int, item: object) -> Trigger:
    if not isinstance(item, Mapping):
        raise BadValue(f"expected an array of objects, but element {i} is {json_type(item)}")
    number, text, token = item.get("type"), item.get("value"), item.get("token")
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number not in KINDS:
        raise BadValue(
            f"'type' of element {i} must be 0 (token), 1 (word), 2 (expression) or 3 (expression "
            "that matches all)"
        )
    if not isinstance(text, str):
        raise BadValue(f"'value' of element {i} must be a string, but is {json_type(text)}")
    kind = KINDS[int(number)]
    if kind is not TriggerKind.TOKEN:
        return Trigger(kind, text)
    return Trigger(kind, text, _token(i, token))


def _token(i: int, token: object) -> int:
    try:
        return to_int(token)
    except BadValue as error:
        raise BadValue(f"'token' of element {i}: {error}") from None


def found_triggers(
    triggers: Sequence[Trigger], preserved: Sequence[int], tokenizer: Tokenizer
) -> tuple[Trigger, ...]:
    """The triggers, of which words that are one token are that token. SchemaError."""
    found = []
    for trigger in triggers:
        if trigger.kind is TriggerKind.WORD:
            ids = tokenizer.tokenize(trigger.text, add_special=False, parse_special=True)
            if len(ids) == 1:
                _check_preserved(trigger, ids[0], preserved)
                trigger = Trigger(TriggerKind.TOKEN, trigger.text, ids[0])
        elif trigger.kind is TriggerKind.TOKEN and not 0 <= trigger.token < tokenizer.n_vocab:
            text = f"Field '{FIELD}': there is no token {trigger.token} in the vocabulary"
            raise SchemaError(FIELD, text)
        found.append(trigger)
    return tuple(found)


def _check_preserved(trigger: Trigger, token: int, preserved: Sequence[int]) -> None:
    if token not in preserved:
        raise SchemaError(
            FIELD,
            f"Field '{FIELD}': Grammar trigger word should be marked as preserved token: "
            f"{trigger.text}; name it in 'preserved_tokens', too",
        )


def made_lazy(
    sampling: SamplingParams, triggers: Sequence[Trigger], tokenizer: Tokenizer
) -> SamplingParams:
    """What the request is held to, from a trigger on. SchemaError."""
    if sampling.constraint is None:
        return replace(sampling, triggers=tuple(triggers))
    texts = tuple(_text_of(trigger, tokenizer) for trigger in triggers)
    if not texts:
        return replace(sampling, constraint=None)
    constraint: Constraint = replace(sampling.constraint, triggers=texts)
    return replace(sampling, constraint=constraint)


def _text_of(trigger: Trigger, tokenizer: Tokenizer) -> str:
    if trigger.kind is TriggerKind.TOKEN:
        return tokenizer.detokenize([trigger.token], special=True)
    if trigger.kind is TriggerKind.WORD:
        return trigger.text
    raise SchemaError(
        FIELD,
        f"Field '{FIELD}': regular expressions (types 2 and 3) begin grammars in GBNF only; use a "
        "word (type 1) or a token (type 0)",
    )
