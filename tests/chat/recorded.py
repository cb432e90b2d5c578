"""What llama-server made of chat requests, recorded in vectors/ (each file says how)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from datetime import timezone
from functools import cache
from pathlib import Path
from typing import Any

from server.chat.message import Message
from server.chat.message import parse_messages
from server.chat.prompt import ChatRequest
from server.chat.prompt import Continuation
from server.chat.prompt import render
from server.chat.prompt import wants_continuation
from server.chat.template import ChatTemplate

VECTORS = Path(__file__).parent / "vectors"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
CONTINUES = {"reasoning_content": Continuation.REASONING, "content": Continuation.CONTENT}


@dataclass(frozen=True, slots=True)
class Case:
    """A request and what came of it; `prompts` by model, empty if it was refused."""

    name: str
    body: dict[str, Any]
    status: int
    prompts: dict[str, str]


@cache
def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return loaded


def apply_template_cases() -> list[Case]:
    cases = load("apply_template.json")["cases"].items()
    models = ("smollm2", "chatml")
    return [
        Case(name, case["body"], case["status"], {m: case[m] for m in models if m in case})
        for name, case in cases
    ]


def prompt_of(template: ChatTemplate, body: dict[str, Any], *, keeps_reasoning: bool = True) -> str:
    """The prompt of a request body, with the server's defaults."""
    messages = parse_messages(body)
    kwargs = {"preserve_reasoning": keeps_reasoning} | body.get("chat_template_kwargs", {})
    if "reasoning_effort" in body:
        kwargs["reasoning_effort"] = body["reasoning_effort"]
    request = ChatRequest(
        messages,
        NOW,
        tools=body.get("tools") or (),
        add_generation_prompt=body.get("add_generation_prompt", True),
        continues=_continues(body, messages),
        kwargs=kwargs,
    )
    return render(template, request).text


def _continues(body: dict[str, Any], messages: list[Message]) -> Continuation:
    if not wants_continuation(messages):
        return Continuation.NONE
    return CONTINUES.get(body.get("continue_final_message", ""), Continuation.AUTO)


def same(prompt: str, expected: str | dict[str, Any]) -> bool:
    """Whether a prompt is the recorded one, which may be recorded as its hash."""
    if isinstance(expected, str):
        return prompt == expected
    return hashlib.sha256(prompt.encode()).hexdigest() == expected["sha256"]
