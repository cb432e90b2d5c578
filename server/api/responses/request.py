"""A Responses body -> what it wishes for, and the chat that this comes to.

Fields that only echo, and native ones, pass through. It knows no store and no engine; errors name
the fields of this dialect, also where the chat core finds them. Answers to
server_chat_convert_responses_to_chatcmpl in llama.cpp `tools/server/server-chat.cpp`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from server.api.errors import InvalidRequest
from server.api.responses.items import Conversation
from server.api.responses.items import Item
from server.api.responses.items import Lookup
from server.api.responses.items import conversation
from server.api.responses.items import parse_input
from server.api.responses.output import Shown
from server.api.responses.tools import Tools
from server.api.responses.tools import parse_tools
from server.api.responses.tools import wrong
from server.api.wire import Body
from server.chat.errors import MessagesError
from server.schema import RequestError
from server.schema import SchemaError
from server.schema import bodies

OWN = frozenset(row.name for row in bodies.RESPONSE.rows if row not in bodies.CHAT.rows)
"""Fields that a chat must not see: all but those that it has too."""

LOGPROBS = "message.output_text.logprobs"
SEALED = "reasoning.encrypted_content"
NOT_SUPPORTED = {
    "conversation": "is not supported; give previous_response_id",
    "prompt": "is not supported; send the prompt itself as instructions and input",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that was read. earlier: the items of the conversation that it goes on with."""

    body: Mapping[str, Any]
    earlier: Sequence[Item]
    items: Sequence[Item]
    tools: Tools

    @property
    def previous(self) -> str:
        """The response that it goes on with; "" = none."""
        return self.body.get("previous_response_id") or ""

    @property
    def is_stored(self) -> bool:
        """Whether the response is kept."""
        return self.body.get("store") is not False

    @property
    def is_background(self) -> bool:
        """Whether it is answered before it is done."""
        return bool(self.body.get("background"))

    @property
    def has_logprobs(self) -> bool:
        """Whether probabilities are shown."""
        return LOGPROBS in (self.body.get("include") or ())

    @property
    def n_logprobs(self) -> int:
        """How many tokens are shown at each position beside the one that was taken."""
        return self.body.get("top_logprobs") or 0

    @property
    def may_truncate(self) -> bool:
        """Whether old turns may be left out."""
        return self.body.get("truncation") == "auto"

    @property
    def shown(self) -> Shown:
        """How the output is shown."""
        reasoning = self.body.get("reasoning") or {}
        wants_summary = reasoning.get("summary") or reasoning.get("generate_summary")
        is_sealed = SEALED in (self.body.get("include") or ())
        return Shown(self.tools.custom, bool(wants_summary), is_sealed)


def parse_wish(body: Mapping[str, Any], earlier: Sequence[Item], lookup: Lookup) -> Wish:
    """Read a body whose form was checked. SchemaError."""
    for name, problem in NOT_SUPPORTED.items():
        if body.get(name) is not None:
            raise SchemaError(name, f"Field '{name}' {problem}")
    if body.get("n") not in (None, 1):
        raise wrong("n", "must be 1; a response is one answer")
    wish = Wish(body, earlier, parse_input(body["input"], lookup), parse_tools(body))
    if wish.is_background and not wish.is_stored:
        raise wrong("background", 'needs "store": true, so that the response can be asked for')
    return wish


def chat_of(wish: Wish, items: Sequence[Item]) -> tuple[Body, Conversation]:
    """The body of the chat that a wish comes to. items: those that are to be shown to the model."""
    body = wish.body
    chat: Body = {name: value for name, value in body.items() if name not in OWN}
    told = conversation(body.get("instructions"), items)
    chat["messages"] = told.messages
    if wish.tools.functions:
        chat["tools"] = list(wish.tools.functions)
    if wish.tools.choice is not None:
        chat["tool_choice"] = wish.tools.choice
    if (wanted := _response_format(body)) is not None:
        chat["response_format"] = wanted
    if (effort := (body.get("reasoning") or {}).get("effort")) is not None:
        chat["reasoning_effort"] = effort
    if (n_tokens := body.get("max_output_tokens")) is not None:
        chat["max_tokens"] = n_tokens
    if wish.has_logprobs:
        chat |= {"logprobs": True, "top_logprobs": max(1, wish.n_logprobs)}
    if wish.is_background:
        chat["stream"] = True  # its events are kept, whether anybody reads them or not
    return chat, told


def _response_format(body: Mapping[str, Any]) -> Body | None:
    """`text.format` as chats have it."""
    wanted = (body.get("text") or {}).get("format")
    if wanted is None or wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        return {"type": "json_object"}
    if wanted.get("schema") is None:
        raise wrong("text.format.schema", "is missing; give a JSON Schema")
    return {"type": "json_schema", "schema": wanted["schema"]}


@contextmanager
def in_own_words(wish: Wish, told: Conversation) -> Iterator[None]:
    """Errors of the chat core, said of the fields of this dialect."""
    try:
        yield
    except MessagesError as error:
        message, field = _about_items(str(error), told)
        raise SchemaError(field, message) from None
    except RequestError as error:
        if error.field.startswith("response_format") and "response_format" not in wish.body:
            field = error.field.replace("response_format", "text.format", 1)
            message = error.message.replace("response_format", "text.format")
            raise SchemaError(field, message) from None
        raise
    except InvalidRequest as error:
        if error.message.startswith("Field 'tools'"):
            message = error.message.replace("/function/parameters", "/parameters")
            raise SchemaError("tools", message) from None
        raise


def _about_items(message: str, told: Conversation) -> tuple[str, str]:
    """A message about messages, said of items; and the field that it is about."""
    found = re.match(r"messages\[(\d+)\]", message)
    if found is None or int(found.group(1)) >= len(told.begins):
        return message, "input"
    i_item = told.begins[int(found.group(1))]
    field = "instructions" if i_item < 0 else f"input[{i_item}]"
    return field + message[found.end() :], field
