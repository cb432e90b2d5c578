"""How much a chat may think: the native fields that limit it, and ending it while it runs.

Answers to the reasoning budget in oaicompat_chat_params_parse of llama.cpp
`tools/server/server-common.cpp`, and to post_control of `server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping

from server.api.wire import Body
from server.chat.reasoning import ReasoningTags
from server.options.settings import ChatSettings

TOKENS = "reasoning_budget_tokens"
MESSAGE = "reasoning_budget_message"


def reasoning_fields(
    tags: ReasoningTags, body: Body, kwargs: Mapping[str, object], settings: ChatSettings
) -> Body:
    """What the engine has to know of a chat's reasoning; empty where it does not think.

    kwargs: the variables of the template, which may switch thinking off.
    """
    if not tags.end.strip() or kwargs.get("enable_thinking") is False:
        return {}
    tokens = body.get(TOKENS)
    if tokens is None:
        tokens = body.get("thinking_budget_tokens")
    if tokens is None or tokens == -1:
        tokens = settings.reasoning_budget
    message = body.get(MESSAGE)
    return {
        "reasoning_budget_start_tag": tags.start,
        "reasoning_budget_end_tags": [tags.end],
        TOKENS: tokens,
        MESSAGE: settings.reasoning_budget_message if message is None else message,
    }
