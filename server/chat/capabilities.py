"""What a template makes use of, found by rendering small conversations and looking for markers.

Answers to llama.cpp `common/jinja/caps.cpp`, which watches the values inside its own engine; here
only the output is looked at. It knows no template engine: a render function is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from datetime import timezone
from typing import Any

from server.chat.errors import TemplateError

Render = Callable[[Mapping[str, Any], datetime], str]

NOW = datetime(2024, 1, 1, tzinfo=timezone.utc)
MARK = "<MARK-7f3a>"
USER = {"role": "user", "content": "hello"}


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


def probe(render: Render) -> TemplateCaps:
    """Try everything once; a few milliseconds."""

    def shows(messages: list[dict[str, Any]], **variables: Any) -> str:
        """The rendered text, '' where the template refuses."""
        try:
            return render({"messages": messages, "add_generation_prompt": True} | variables, NOW)
        except TemplateError:
            return ""

    parts = [{"type": "text", "text": MARK}]
    typed = shows([{"role": "user", "content": parts}])
    calls_object = shows(_calls({"arg": MARK}), tools=_tools())
    calls_string = shows(_calls(f'{{"arg": "{MARK}"}}'), tools=_tools())
    calls = calls_object or calls_string
    string = MARK in shows([{"role": "user", "content": MARK}])
    # a list that is printed as a whole shows its keys, too
    is_typed = MARK in typed and "'type'" not in typed
    return TemplateCaps(
        supports_object_arguments=MARK in calls_object,
        supports_parallel_tool_calls="tool_b" in calls,
        supports_preserve_reasoning=_preserves_reasoning(shows),
        supports_reasoning_effort=shows([USER], enable_thinking=True, reasoning_effort="low")
        != shows([USER], enable_thinking=True, reasoning_effort="high"),
        supports_string_content=string or not is_typed,
        supports_system_role=MARK in shows([{"role": "system", "content": MARK}, USER]),
        supports_tool_calls="tool_a" in calls,
        supports_tools="tool_described" in calls,
        supports_typed_content=is_typed,
    )


def _preserves_reasoning(shows: Callable[..., str]) -> bool:
    """Whether reasoning of an earlier turn can be kept in the prompt."""
    old = {"role": "assistant", "content": "yes", "reasoning_content": MARK}
    new = {"role": "assistant", "content": "yes", "reasoning_content": "x"}
    wishes = {"preserve_thinking": True, "clear_thinking": False, "truncate_history_thinking": False}
    return MARK in shows([USER, old, USER, new, USER], enable_thinking=True, **wishes)


def _calls(arguments: object) -> list[dict[str, Any]]:
    """A conversation with two tool calls in one turn."""

    def call(name: str) -> dict[str, Any]:
        function = {"name": name, "arguments": arguments}
        return {"id": f"call_{name}", "type": "function", "function": function}

    return [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [call("tool_a"), call("tool_b")]},
        {"role": "tool", "content": "done", "tool_call_id": "call_tool_a"},
        {"role": "assistant", "content": "it is done"},
        USER,
    ]


def _tools() -> list[dict[str, Any]]:
    parameters = {
        "type": "object",
        "properties": {"arg": {"type": "string", "description": "a"}},
        "required": ["arg"],
    }
    function = {"name": "tool_described", "description": "d", "parameters": parameters}
    return [{"type": "function", "function": function}]
