"""The chat templates that `--chat-template` knows by name.

Most formats are a row: what stands around the words of each role, and how the assistant's turn is
opened; a Jinja template is made of it. Answers to the names in llama.cpp `src/llama-chat.cpp`; as
there, tools and reasoning are not shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from server.chat.builtin_texts import TEXTS
from server.chat.template import CHATML

ROLE, WORDS = "{role}", "{words}"
"""In a row: the message's role and its content."""


@dataclass(frozen=True, slots=True)
class Row:
    """How the messages of a format are written. None: as `other` says; "": not at all."""

    other: str
    opening: str = ""
    system: str | None = None
    user: str | None = None
    assistant: str | None = None
    tool: str | None = None
    start: str = ""
    trims: bool = False
    """Whether white space around the words is left out."""


GRANITE = Row(
    "<|start_of_role|>{role}<|end_of_role|>{words}<|end_of_text|>\n",
    "<|start_of_role|>assistant<|end_of_role|>",
)
EXAONE3 = Row(
    "",
    "[|assistant|]",
    "[|system|]{words}[|endofturn|]\n",
    "[|user|]{words}\n",
    "[|assistant|]{words}[|endofturn|]\n",
    trims=True,
)

ROWS: Mapping[str, Row] = {
    "mistral-v7": Row(
        " {words}</s>",
        system="[SYSTEM_PROMPT] {words}[/SYSTEM_PROMPT]",
        user="[INST] {words}[/INST]",
    ),
    "mistral-v7-tekken": Row(
        "{words}</s>",
        system="[SYSTEM_PROMPT]{words}[/SYSTEM_PROMPT]",
        user="[INST]{words}[/INST]",
    ),
    "phi3": Row("<|{role}|>\n{words}<|end|>\n", "<|assistant|>\n"),
    "phi4": Row("<|im_start|>{role}<|im_sep|>{words}<|im_end|>", "<|im_start|>assistant<|im_sep|>"),
    "falcon3": Row("<|{role}|>\n{words}\n", "<|assistant|>\n"),
    "zephyr": Row("<|{role}|>\n{words}<|endoftext|>\n", "<|assistant|>\n"),
    "vicuna": Row(
        "",
        "ASSISTANT:",
        "{words}\n\n",
        "USER: {words}\n",
        "ASSISTANT: {words}</s>\n",
    ),
    "vicuna-orca": Row(
        "",
        "ASSISTANT:",
        "SYSTEM: {words}\n",
        "USER: {words}\n",
        "ASSISTANT: {words}</s>\n",
    ),
    "deepseek": Row(
        "",
        "### Response:\n",
        "{words}",
        "### Instruction:\n{words}\n",
        "### Response:\n{words}\n<|EOT|>\n",
    ),
    "deepseek2": Row(
        "",
        "Assistant:",
        "{words}\n\n",
        "User: {words}\n\n",
        "Assistant: {words}<\uff5cend▁of▁sentence\uff5c>",
    ),
    "deepseek3": Row(
        "",
        "<\uff5cAssistant\uff5c>",
        "{words}\n\n",
        "<\uff5cUser\uff5c>{words}",
        "<\uff5cAssistant\uff5c>{words}<\uff5cend▁of▁sentence\uff5c>",
    ),
    "deepseek-ocr": Row("{words}"),
    "command-r": Row(
        "",
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{words}<|END_OF_TURN_TOKEN|>",
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{words}<|END_OF_TURN_TOKEN|>",
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{words}<|END_OF_TURN_TOKEN|>",
        trims=True,
    ),
    "llama3": Row(
        "<|start_header_id|>{role}<|end_header_id|>\n\n{words}<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        trims=True,
    ),
    "llama4": Row(
        "<|header_start|>{role}<|header_end|>\n\n{words}<|eot|>",
        "<|header_start|>assistant<|header_end|>\n\n",
        trims=True,
    ),
    "chatglm3": Row("<|{role}|>\n {words}", "<|assistant|>", start="[gMASK]sop"),
    "chatglm4": Row("<|{role}|>\n{words}", "<|assistant|>\n", start="[gMASK]<sop>"),
    "glmedge": Row("<|{role}|>\n{words}", "<|assistant|>"),
    "minicpm": Row("{words}", user="<用户>{words}<AI>", trims=True),
    "exaone3": EXAONE3,
    "exaone4": Row(
        "",
        EXAONE3.opening,
        EXAONE3.system,
        EXAONE3.user,
        EXAONE3.assistant,
        "[|tool|]{words}[|endofturn|]\n",
        trims=True,
    ),
    "exaone-moe": Row(
        "",
        "<|assistant|>\n",
        "<|system|>\n{words}<|endofturn|>\n",
        "<|user|>\n{words}<|endofturn|>\n",
        "<|assistant|>\n{words}<|endofturn|>\n",
        "<|tool|>\n{words}<|endofturn|>\n",
        trims=True,
    ),
    "granite": GRANITE,
    "granite-4.0": GRANITE,
    "granite-4.1": GRANITE,
    "megrez": Row(
        "<|role_start|>{role}<|role_end|>{words}<|turn_end|>", "<|role_start|>assistant<|role_end|>"
    ),
    "yandex": Row(
        "",
        " Ассистент:[SEP]",
        user=" Пользователь: {words}\n\n",
        assistant=" Ассистент: {words}\n\n",
    ),
    "smolvlm": Row(
        "Assistant: {words}<end_of_utterance>\n",
        "Assistant:",
        "{words}\n\n",
        "User: {words}<end_of_utterance>\n",
        start="<|im_start|>",
    ),
    "hunyuan-moe": Row(
        "<|startoftext|>{words}<|extra_0|>",
        system="<|startoftext|>{words}<|extra_4|>",
        assistant="{words}<|eos|>",
    ),
    "gpt-oss": Row(
        "<|start|>{role}<|message|>{words}<|end|>",
        "<|start|>assistant",
        assistant="<|start|>assistant<|message|>{words}<|return|>",
    ),
    "kimi-k2": Row(
        "{words}<|im_end|>",
        "<|im_assistant|>assistant<|im_middle|>",
        "<|im_system|>system<|im_middle|>{words}<|im_end|>",
        "<|im_user|>user<|im_middle|>{words}<|im_end|>",
        "<|im_assistant|>assistant<|im_middle|>{words}<|im_end|>",
        "<|im_system|>tool<|im_middle|>{words}<|im_end|>",
    ),
    "solar-open": Row("<|begin|>{role}<|content|>{words}<|end|>", "<|begin|>assistant"),
}

OPEN = "{% if add_generation_prompt %}"


def template_text(row: Row) -> str:
    """A row as a Jinja template."""
    ways = {"system": row.system, "user": row.user, "assistant": row.assistant, "tool": row.tool}
    branches = [
        f"m.role == {json.dumps(role)} %}}{_written(way, row)}"
        for role, way in ways.items()
        if way is not None
    ]
    body = _written(row.other, row)
    if branches:
        body = "{% if " + "{% elif ".join(branches) + "{% else %}" + body + "{% endif %}"
    opening = OPEN + _literal(row.opening) + "{% endif %}" if row.opening else ""
    return _literal(row.start) + "{% for m in messages %}" + body + "{% endfor %}" + opening


def _written(way: str, row: Row) -> str:
    words = "{{ m.content | trim }}" if row.trims else "{{ m.content }}"
    parts = {ROLE: "{{ m.role }}", WORDS: words}
    found, rest = "", way
    while rest:
        places = {mark: rest.find(mark) for mark in parts if mark in rest}
        if not places:
            return found + _literal(rest)
        mark = min(places, key=lambda name: places[name])
        found += _literal(rest[: places[mark]]) + parts[mark]
        rest = rest[places[mark] + len(mark) :]
    return found


def _literal(text: str) -> str:
    return "{{ " + json.dumps(text, ensure_ascii=False) + " }}" if text else ""


BUILTIN: Mapping[str, str] = {
    "chatml": CHATML,
    **{name: template_text(row) for name, row in ROWS.items()},
    **TEXTS,
}
"""Template texts by name."""
