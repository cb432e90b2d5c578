"""What a template makes use of, found by rendering small conversations and watching it.

Answers to llama.cpp `common/jinja/caps.cpp`: the same conversations, the same conclusions. It knows
no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
from datetime import datetime
from datetime import timezone
from typing import Any

from jinja2 import Template

from server.chat.environment import clock
from server.chat.limits import Allowance
from server.chat.limits import Exceeded
from server.chat.tracing import TracingEnvironment
from server.chat.tracing import traced

NOW = datetime(2024, 1, 1, tzinfo=timezone.utc)
MARK = "<MARK-7f3a>"
USER = {"role": "user", "content": "User message"}
KEEP_REASONING = {
    "preserve_thinking": True,
    "clear_thinking": False,
    "truncate_history_thinking": False,
    "drop_thinking": False,
}


@dataclass(frozen=True, slots=True)
class TemplateCaps:
    """The keys of `chat_template_caps` in /props."""

    supports_object_arguments: bool
    supports_parallel_tool_calls: bool
    supports_preserve_reasoning: bool
    supports_reasoning_effort: bool
    supports_string_content: bool
    supports_system_role: bool
    supports_tool_calls: bool
    supports_tools: bool
    supports_typed_content: bool


@dataclass(frozen=True, slots=True)
class _Trial:
    """One rendering. text: None where the template refused."""

    text: str | None
    messages: Any
    tools: Any
    extra: Any

    def call(self, i: int) -> Any:
        """The assistant's i-th tool call."""
        return self.messages[1]["tool_calls"][i]


class _Trials:
    """Renders one template again and again, with fresh traces."""

    def __init__(self, source: str, allowance: Allowance) -> None:
        self._environment = TracingEnvironment()
        self._template: Template = self._environment.from_string(source)
        self._allowance = allowance

    def __call__(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> _Trial:
        """Render."""
        seen, shown, more = traced(messages), traced(tools or []), traced(dict(extra or {}))
        variables = {
            "messages": seen,
            "tools": shown,
            "bos_token": "",
            "eos_token": "",
            "add_generation_prompt": True,
        }
        text: str | None
        try:
            text = self._environment.run(
                self._template, variables | clock(NOW) | dict.copy(more), self._allowance
            )
        except Exceeded:
            raise
        # a template may fail in any way; that it does is what we want to know
        except Exception:
            text = None
        return _Trial(text, seen, shown, more)


def probe(source: str, allowance: Allowance) -> TemplateCaps:
    """Try everything once; some ten milliseconds. The template must compile. Exceeded."""
    trials = _Trials(source, allowance)
    found = dict.fromkeys((field.name for field in fields(TemplateCaps)), False)
    found |= _content(trials) | _tools(trials)
    system = trials([{"role": "system", "content": "System message"}, USER])
    found["supports_system_role"] = system.messages[0]["content"].trace.is_used
    found["supports_preserve_reasoning"] = _keeps_reasoning(trials)
    effort = {"reasoning_effort": "low", "reasoning_strength": "low", "enable_thinking": True}
    extra = trials([USER], extra=effort).extra
    found["supports_reasoning_effort"] = any(
        extra[name].trace.is_used for name in ("reasoning_effort", "reasoning_strength")
    )
    return TemplateCaps(**found)


def _content(trials: _Trials) -> dict[str, bool]:
    """Whether content may be a text, and whether it may be an array of parts."""
    trial = trials([{"role": "user", "content": MARK}])
    trace = trial.messages[0]["content"].trace
    takes_parts = trace.as_list
    takes_text = trial.text is not None and (not takes_parts or MARK in trial.text)
    if trace.was_asked_for_string:
        trial = trials([{"role": "user", "content": []}])
        if trial.text is not None and trial.messages[0]["content"].trace.as_list:
            takes_parts = True
    return {"supports_string_content": takes_text, "supports_typed_content": takes_parts}


def _tools(trials: _Trials) -> dict[str, bool]:
    """Whether tools are described, and how calls of them are shown."""
    arguments: Any = {"arg": "value"}
    trial = trials(_conversation(arguments), TOOLS)
    takes_objects = (
        trial.text is not None
        and trial.call(0)["function"]["arguments"]["arg"].trace.is_used
        and trial.messages[1]["tool_calls"].trace.is_used
    )
    if not takes_objects:
        arguments = '{"arg": "value"}'
        second = trials(_conversation(arguments), TOOLS)
        seen = [tried for tried in (trial, second) if tried.text is not None]
        shows = second.text is not None
    else:
        seen, shows = [trial], True
    parallel = trials(_conversation(arguments, n_calls=2), TOOLS)
    return {
        "supports_object_arguments": takes_objects,
        "supports_tools": shows
        and all(tried.tools[0]["function"]["name"].trace.is_used for tried in seen),
        "supports_tool_calls": shows
        and all(tried.messages[1]["tool_calls"].trace.is_used for tried in seen),
        "supports_parallel_tool_calls": parallel.text is not None
        and parallel.call(1)["function"].trace.is_used,
    }


def _keeps_reasoning(trials: _Trials) -> bool:
    """Whether reasoning of an earlier turn can be kept in the prompt."""
    old = {"role": "assistant", "content": "Assistant message", "reasoning_content": MARK}
    new = old | {"reasoning_content": "Reasoning content"}
    extra = KEEP_REASONING | {"enable_thinking": True}
    return MARK in (trials([USER, old, USER, new, USER], extra=extra).text or "")


def _conversation(arguments: object, n_calls: int = 1) -> list[dict[str, Any]]:
    """A conversation with tool calls in one turn. Their ids have the nine letters Mistral wants."""
    calls = [
        {
            "id": f"call0000{i + 1}",
            "type": "function",
            "function": {"name": "tool1", "arguments": arguments},
        }
        for i in range(n_calls)
    ]
    return [
        USER,
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "Tool response", "tool_call_id": "call00001"},
        {"role": "assistant", "content": "The tool response was 'tool response'"},
        USER,
    ]


TOOLS: list[dict[str, Any]] = [
    {
        "name": "tool",
        "type": "function",
        "function": {
            "name": "tool1",
            "description": "Tool description",
            "parameters": {
                "type": "object",
                "properties": {"arg": {"type": "string", "description": "Arg description"}},
                "required": ["arg"],
            },
        },
    }
]
