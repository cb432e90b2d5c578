"""Input items of a Responses body: checked, given ids, kept, and told to the chat core as messages.

An item is kept in the form in which it is listed again. Consecutive items of the assistant are one
message. It knows no store: items that are only referred to are looked up by its caller. Answers to
server_chat_convert_responses_to_chatcmpl in llama.cpp `tools/server/server-chat.cpp`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from server.api.ids import new_id
from server.api.responses.tools import CUSTOM_INPUT
from server.api.responses.tools import wrong

Item = dict[str, Any]
Lookup = Callable[[str], Item | None]
"""The id of an item -> the item, if it is known."""

CALL = "call_"
"""What ids of calls begin with."""

ROLES = ("user", "assistant", "system", "developer")
KINDS = (
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "item_reference",
)
PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "reasoning": "rs_",
}
TEXTS = ("input_text", "output_text", "text", "reasoning_text", "summary_text")


def parse_input(given: object, lookup: Lookup) -> list[Item]:
    """The items of `input`. SchemaError names the one that is wrong."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise wrong("input", "expected a string or an array of items")
    return [_item(item, f"input[{i}]", lookup) for i, item in enumerate(given)]


def _item(item: Item, where: str, lookup: Lookup) -> Item:
    kind = item.get("type") or ("message" if "role" in item else None)
    match kind:
        case "message":
            found = _message(item, where)
        case "function_call":
            found = _texts(item, where, "call_id", "name", "arguments")
        case "custom_tool_call":
            found = _texts(item, where, "call_id", "name", "input")
        case "function_call_output" | "custom_tool_call_output":
            found = _texts(item, where, "call_id") | {"output": _output(item, where)}
        case "reasoning":
            found = _reasoning(item, where)
        case "item_reference":
            name = _text(item, "id", where)
            known = lookup(name)
            if known is None:
                raise wrong(f"{where}.id", f"there is no item {name!r}; send the item itself")
            return known
        case _:
            raise wrong(f"{where}.type", f"must be one of {', '.join(KINDS)}")
    item_id = item.get("id")
    if not isinstance(item_id, str) or not item_id:
        item_id = new_id(PREFIXES[kind])
    status = {} if kind == "reasoning" else {"status": "completed"}
    return {"type": kind, "id": item_id, **status, **found}


def _message(item: Item, where: str) -> Item:
    role = item.get("role")
    if role not in ROLES:
        raise wrong(f"{where}.role", f"must be one of {', '.join(ROLES)}")
    content = item.get("content")
    if content is None:
        raise wrong(f"{where}.content", "is missing; give a text or parts")
    return {"role": role, "content": _parts(content, f"{where}.content", role == "assistant")}


def _parts(content: object, where: str, is_output: bool = False) -> list[Item]:
    """The parts of a content, all texts of one kind."""
    if isinstance(content, str):
        content = [{"type": "input_text", "text": content}]
    if not isinstance(content, list):
        raise wrong(where, "expected a string or an array of parts")
    return [_part(part, f"{where}[{i}]", is_output) for i, part in enumerate(content)]


def _part(part: object, where: str, is_output: bool) -> Item:
    if not isinstance(part, dict):
        raise wrong(where, 'expected a part like {"type": "input_text", "text": ...}')
    match part.get("type"):
        case "refusal":
            text = _text(part, "refusal", where)
        case kind if kind in TEXTS:
            text = _text(part, "text", where)
        case "input_image":
            return {"type": "input_image", "image_url": _text(part, "image_url", where)}
        case "input_file":
            raise wrong(f"{where}.type", "'input_file' is not supported; send its text")
        case _:
            raise wrong(f"{where}.type", "must be one of input_text, output_text, input_image")
    if is_output:
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}


def _output(item: Item, where: str) -> str | list[Item]:
    output = item.get("output")
    if isinstance(output, str):
        return output
    if not isinstance(output, list):
        raise wrong(f"{where}.output", "expected a string or an array of parts")
    return _parts(output, f"{where}.output")


def _reasoning(item: Item, where: str) -> Item:
    found: Item = {"summary": [], "encrypted_content": item.get("encrypted_content")}
    for key, kind in (("summary", "summary_text"), ("content", "reasoning_text")):
        given = item.get(key)
        if given is None:
            continue
        if not isinstance(given, list):
            raise wrong(f"{where}.{key}", "expected an array of parts")
        parts = _parts(given, f"{where}.{key}")
        found[key] = [{"type": kind, "text": part.get("text", "")} for part in parts]
    if found["encrypted_content"] is not None:
        _text(item, "encrypted_content", where)
    return found


def _texts(item: Item, where: str, *keys: str) -> Item:
    return {key: _text(item, key, where) for key in keys}


def _text(owner: Mapping[str, Any], key: str, where: str) -> str:
    value = owner.get(key)
    if not isinstance(value, str):
        raise wrong(f"{where}.{key}", "is missing" if value is None else "expected a string")
    return value


# items -> messages


@dataclass(slots=True)
class Conversation:
    """The messages of a chat, and the item with which each began (-1: no item)."""

    messages: list[Item] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)

    def add(self, message: Item, i_item: int) -> None:
        """One more message."""
        self.messages.append(message)
        self.begins.append(i_item)

    def assistant(self, i_item: int) -> Item:
        """The assistant's message that an item belongs to."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.add({"role": "assistant", "content": []}, i_item)
        return self.messages[-1]


def conversation(instructions: str | None, items: Sequence[Item]) -> Conversation:
    """What a chat is told. items: as `parse_input` gives them, or as responses have them."""
    found = Conversation()
    if instructions is not None:
        found.add({"role": "system", "content": instructions}, -1)
    for i, item in enumerate(items):
        match item["type"]:
            case "message" if item["role"] == "assistant":
                found.assistant(i)["content"] += _chat_parts(item["content"])
            case "message":
                content = _chat_content(item["content"])
                found.add({"role": item["role"], "content": content}, i)
            case "reasoning":
                message = found.assistant(i)
                thoughts = [message.get("reasoning_content", ""), thoughts_of(item)]
                message["reasoning_content"] = "\n".join(filter(None, thoughts))
            case "function_call" | "custom_tool_call":
                found.assistant(i).setdefault("tool_calls", []).append(_call(item))
            case "function_call_output" | "custom_tool_call_output":
                content = _chat_content(item["output"])
                found.add({"role": "tool", "tool_call_id": _chat_id(item), "content": content}, i)
    return found


def thoughts_of(item: Item) -> str:
    """What was thought, wherever the item has it."""
    for key in ("content", "summary"):
        if text := "".join(part["text"] for part in item.get(key) or ()):
            return text
    return unsealed(item.get("encrypted_content") or "")


def sealed(thoughts: str) -> str:
    """Thoughts for clients that hand them back unread. Not a secret: the client may read them."""
    return base64.b64encode(thoughts.encode()).decode()


def unsealed(text: str) -> str:
    """What `sealed` was given; "" for what others sealed."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _call(item: Item) -> Item:
    arguments = item.get("arguments")
    if arguments is None:
        arguments = json.dumps({CUSTOM_INPUT: item["input"]}, ensure_ascii=False)
    function = {"name": item["name"], "arguments": arguments}
    return {"type": "function", "id": _chat_id(item), "function": function}


def _chat_id(item: Item) -> str:
    """The id of a call as the model may have written it; templates can be particular about it."""
    call_id: str = item["call_id"]
    return call_id.removeprefix(CALL) or call_id


def _chat_content(content: str | list[Item]) -> str | list[Item]:
    if isinstance(content, str):
        return content
    parts = _chat_parts(content)
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts


def _chat_parts(content: Iterable[Item]) -> list[Item]:
    return [
        {"type": "image_url", "image_url": {"url": part["image_url"]}}
        if part["type"] == "input_image"
        else {"type": "text", "text": part["text"]}
        for part in content
    ]
