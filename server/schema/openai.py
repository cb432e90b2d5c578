"""The OpenAI dialect -> native fields; pure functions over the body.

Whatever these don't translate stays as it is, so that native fields work through the OpenAI routes
too. Messages and templates are not their business: `api/` adds `prompt` and `generation_prompt`.
Answers to llama.cpp `tools/server/server-common.cpp` oaicompat_chat_params_parse.
"""

from __future__ import annotations

from collections.abc import Mapping

from server.schema.constraints import of_format
from server.schema.errors import SchemaError
from server.schema.field import BadValue
from server.schema.field import json_type
from server.schema.field import to_int
from server.schema.parsers import CHAT_FORMATS
from server.schema.prompts import required_prompt

DEFAULT_TOP_LOGPROBS = 20
TOOL_CHOICES = ("auto", "none", "required")

SET_BY_TEMPLATE = frozenset(
    {
        "prompt",
        "chat_format",
        "generation_prompt",
        "grammar_lazy",
        "grammar_triggers",
        "preserved_tokens",
    }
)
"""Native fields that a chat's template decides, so that a client can't."""


def openai_completion_body(body: Mapping[str, object]) -> dict[str, object]:
    """`/v1/completions` -> a native body (with its `prompt`).

    Like the reference it ignores `best_of`, `suffix` and `echo`.
    """
    required_prompt(body)
    return dict(body)


def openai_chat_body(body: Mapping[str, object]) -> dict[str, object]:
    """`/v1/chat/completions` -> a native body without `prompt`, which the template makes."""
    _check_constraints(body)
    _check_tools(body)
    native = {name: value for name, value in body.items() if name not in SET_BY_TEMPLATE}
    native["chat_format"] = CHAT_FORMATS.index("peg-native")
    stop = body.get("stop")
    native["stop"] = [] if stop is None else [stop] if isinstance(stop, str) else stop
    if body.get("logprobs") is True:
        native["n_probs"] = _top_logprobs(body.get("top_logprobs"))
    elif body.get("top_logprobs") is not None:
        raise SchemaError("top_logprobs", "top_logprobs requires logprobs to be set to true")
    return native


def _top_logprobs(value: object) -> int:
    try:
        return DEFAULT_TOP_LOGPROBS if value is None else to_int(value)
    except BadValue as error:
        raise SchemaError("top_logprobs", f"Field 'top_logprobs': {error}") from None


def _check_constraints(body: Mapping[str, object]) -> None:
    """What chats refuse and completions decide."""
    if body.get("json_schema") is not None and body.get("grammar"):
        raise SchemaError("grammar", "Cannot use both json_schema and grammar")
    of_format(body.get("response_format"))


def _check_tools(body: Mapping[str, object]) -> None:
    """What can be said of tools without looking at them."""
    tools = body.get("tools")
    if tools is not None and not isinstance(tools, (list, tuple)):
        raise SchemaError("tools", f"Expected 'tools' to be an array, got {json_type(tools)}")
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in TOOL_CHOICES:
        raise SchemaError("tool_choice", f"Invalid tool_choice: {choice}")
