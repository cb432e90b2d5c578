"""How the answer to a chat is read, and what the model may write of it.

Joins a request's tools and schema with the format of the model's family. Answers to the grammar
and parser parameters in oaicompat_chat_params_parse of llama.cpp `tools/server/server-common.cpp`.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.api.errors import InvalidRequest
from server.api.wire import Body
from server.api.wire import bool_field
from server.chat.formats.markup import tags_of
from server.chat.grammar import OutputGrammar
from server.chat.grammar import Turn
from server.chat.grammar import answer
from server.chat.grammar import called_at_will
from server.chat.grammar import forced_calls
from server.chat.grammar.calls import Calling
from server.chat.prompt import ChatPrompt
from server.chat.stream import Reading
from server.chat.template import ChatTemplate
from server.chat.tools import Choice
from server.chat.tools import ToolRequest
from server.engine.task import Constraint
from server.grammar import SchemaRefused
from server.schema import answer_rule

SHARE_OF_THOUGHTS = 2
"""Where a call is forced, thoughts get at most one in so many of the tokens."""


@dataclass(frozen=True, slots=True)
class ChatOutput:
    """What comes of a request. fields: native ones."""

    reading: Reading
    constraint: Constraint | None
    fields: Body


def chat_output(
    template: ChatTemplate,
    body: Body,
    tools: ToolRequest,
    prompt: ChatPrompt,
    prefill: str,
    may_think: bool,
) -> ChatOutput:
    """Decide both. InvalidRequest, SchemaError."""
    fmt = template.format
    if tools.callable and body.get("grammar"):
        raise InvalidRequest("Cannot use custom grammar constraints with tools.")
    is_forced = tools.choice is Choice.REQUIRED
    may_call = bool(tools.callable) and (is_forced or not fmt.calls_when_forced_only)
    may_call = may_call and bool_field(body, "parse_tool_calls", True)
    opening = prompt.opening(fmt)
    rule, is_json = answer_rule(body)
    reading = Reading(
        fmt,
        tools.callable if may_call else (),
        opening,
        prefill,
        is_json=is_json and not is_forced,
    )
    turn = Turn(fmt, opening, may_think)
    calling = Calling(tools.callable, tools.is_parallel, is_strict=is_forced)
    grammar: OutputGrammar | None = None
    try:
        if not prefill:
            grammar = _grammar(turn, calling if may_call else None, rule, is_forced=is_forced)
    except SchemaRefused as error:
        raise InvalidRequest(f"Field 'tools': {error}") from None
    fields: Body = {"preserved_tokens": sorted(tags_of(fmt)), "parse_tool_calls": may_call}
    constraint = None
    if grammar:
        constraint = Constraint(grammar.lark, grammar.after, grammar.triggers)
    return ChatOutput(reading, constraint, fields)


def _grammar(
    turn: Turn, calling: Calling | None, rule: str, *, is_forced: bool
) -> OutputGrammar | None:
    """What may be written, where that is more than what `rule` says of a plain answer."""
    if calling and is_forced:
        return forced_calls(turn, calling)
    if rule and (calling or turn.format.content or turn.format.channels):
        return answer(turn, rule, calling)
    return called_at_will(turn, calling) if calling else None


def thinking_budget(body: Body, n_ctx: int) -> int:
    """The most tokens of thoughts before a forced call, so that there are some left for it."""
    for name in ("max_tokens", "max_completion_tokens", "n_predict"):
        given = body.get(name)
        if isinstance(given, int) and not isinstance(given, bool) and given > 0:
            return max(1, given // SHARE_OF_THOUGHTS)
    return max(1, n_ctx // (2 * SHARE_OF_THOUGHTS))
