"""Built-in chat templates in which a message depends on more than its role.

The others are rows in `builtin.py`, which says what both answer to.
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST_SYSTEM = "{% if loop.first and m.role == 'system' %}"
UPPER = "{% set role = 'HUMAN' if m.role == 'user' else m.role | upper %}<role>{{ role }}</role>"
OPEN = "{% if add_generation_prompt %}"


def _each(body: str) -> str:
    return "{% for m in messages %}" + body + "{% endfor %}"


def _mistral(lead: str, trail: str, trimmed: str = "") -> str:
    """[INST] around what the system and the user say."""
    return "{% set n = namespace(inside=false) %}" + _each(
        "{% if not n.inside %}{{ '" + lead + "[INST]" + trail + "' }}{% set n.inside = true %}"
        "{% endif %}{% if m.role == 'system' %}{{ m.content ~ '\n\n' }}"
        "{% elif m.role == 'user' %}{{ m.content ~ '" + lead + "[/INST]' }}"
        "{% else %}{{ '" + trail + "' ~ m.content" + trimmed + " ~ '</s>' }}"
        "{% set n.inside = false %}{% endif %}"
    )


def _llama2(system: str, again: str = "[INST] ", trimmed: str = "") -> str:
    words = f"(m.content{trimmed})"
    return "{% set n = namespace(inside=true) %}{{ '[INST] ' }}" + _each(
        "{% if not n.inside %}{{ '" + again + "' }}{% set n.inside = true %}{% endif %}"
        "{% if m.role == 'system' %}"
        + system.replace("{words}", "{{ " + words + " }}")
        + "{% elif m.role == 'user' %}{{ "
        + words
        + " ~ ' [/INST]' }}"
        "{% else %}{{ " + words + " ~ '</s>' }}{% set n.inside = false %}{% endif %}"
    )


SYS = "{{ '<<SYS>>\n' }}{words}{{ '\n<</SYS>>\n\n' }}"

TEXTS: Mapping[str, str] = {
    "mistral-v1": _mistral(" ", " "),
    "mistral-v3": _mistral("", " ", " | trim"),
    "mistral-v3-tekken": _mistral("", ""),
    "llama2": _llama2("{words}{{ '\n' }}"),
    "llama2-sys": _llama2(SYS),
    "llama2-sys-bos": _llama2(SYS, "<s>[INST] "),
    "llama2-sys-strip": _llama2(SYS, trimmed=" | trim"),
    "monarch": _each(
        "{% if not loop.first %}<s>{% endif %}{{ m.role ~ '\n' ~ m.content ~ '</s>\n' }}"
    )
    + OPEN
    + "{{ '<s>assistant\n' }}{% endif %}",
    "gemma": "{% set n = namespace(system='') %}"
    + _each(
        "{% if m.role == 'system' %}{% set n.system = n.system ~ (m.content | trim) %}{% else %}"
        "{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "{{ '<start_of_turn>' ~ role ~ '\n' }}"
        "{% if n.system and role != 'model' %}{{ n.system ~ '\n\n' }}{% set n.system = '' %}"
        "{% endif %}{{ (m.content | trim) ~ '<end_of_turn>\n' }}{% endif %}"
    )
    + OPEN
    + "{{ '<start_of_turn>model\n' }}{% endif %}",
    "orion": "{% set n = namespace(system='') %}"
    + _each(
        "{% if m.role == 'system' %}{% set n.system = n.system ~ m.content %}"
        "{% elif m.role == 'user' %}{{ 'Human: ' }}"
        "{% if n.system %}{{ n.system ~ '\n\n' }}{% set n.system = '' %}{% endif %}"
        "{{ m.content ~ '\n\nAssistant: </s>' }}{% else %}{{ m.content ~ '</s>' }}{% endif %}"
    ),
    "openchat": _each(
        "{% if m.role == 'system' %}{{ m.content }}{% else %}"
        "{{ 'GPT4 Correct ' ~ m.role[:1] | upper ~ m.role[1:] ~ ': ' ~ m.content }}{% endif %}"
        "<|end_of_turn|>"
    )
    + OPEN
    + "GPT4 Correct Assistant:{% endif %}",
    "rwkv-world": _each(
        "{% set words = m.content | trim %}"
        "{% if m.role == 'system' %}{{ 'System: ' ~ words ~ '\n\n' }}"
        "{% elif m.role == 'user' %}{{ 'User: ' ~ words ~ '\n\n' }}"
        "{% if loop.last %}Assistant:{% endif %}"
        "{% elif m.role == 'assistant' %}{{ 'Assistant: ' ~ words ~ '\n\n' }}{% endif %}"
    ),
    "gigachat": "<s>"
    + _each(
        FIRST_SYSTEM + "{{ m.content }}<|message_sep|>"
        "{% elif m.role == 'user' %}user<|role_sep|>{{ m.content }}<|message_sep|>"
        "available functions<|role_sep|>[]<|message_sep|>"
        "{% elif m.role == 'assistant' %}assistant<|role_sep|>{{ m.content }}<|message_sep|>"
        "{% endif %}"
    )
    + OPEN
    + "assistant<|role_sep|>{% endif %}",
    "bailing": _each(UPPER + "{{ m.content }}") + OPEN + "<role>ASSISTANT</role>{% endif %}",
    "bailing-think": _each(UPPER + "{{ m.content }}")
    + OPEN
    + "<role>ASSISTANT</role><think>{% endif %}",
    "bailing2": "{% if not messages or messages[0].role != 'system' %}"
    "<role>SYSTEM</role>detailed thinking off<|role_end|>{% endif %}"
    + _each(UPPER + "{{ m.content }}<|role_end|>")
    + OPEN
    + "<role>ASSISTANT</role>{% endif %}",
    "hunyuan-dense": _each(
        FIRST_SYSTEM + "{{ m.content }}<\uff5chy_place▁holder▁no▁3\uff5c>"
        "{% elif m.role == 'assistant' %}"
        "<\uff5chy_Assistant\uff5c>{{ m.content }}<\uff5chy_place▁holder▁no▁2\uff5c>"
        "{% elif m.role == 'user' %}"
        "<\uff5chy_User\uff5c>{{ m.content }}<\uff5chy_Assistant\uff5c>{% endif %}"
    ),
    "hunyuan-vl": "<\uff5chy_begin▁of▁sentence\uff5c>"
    + _each(
        FIRST_SYSTEM + "{{ m.content }}<\uff5chy_place▁holder▁no▁3\uff5c>"
        "{% elif m.role == 'user' %}{{ m.content }}<\uff5chy_User\uff5c>"
        "{% elif m.role == 'assistant' %}{{ m.content }}<\uff5chy_Assistant\uff5c>{% endif %}"
    ),
    "seed_oss": _each(
        "{{ '<seed:bos>' ~ m.role ~ '\n' }}"
        "{{ m.content | trim if m.role == 'assistant' else m.content }}<seed:eos>"
    )
    + OPEN
    + "{{ '<seed:bos>assistant\n' }}{% endif %}",
    "pangu-embedded": _each(
        "{% if loop.first and m.role != 'system' %}[unused9]系统\uff1a[unused10]{% endif %}"
        "{% set name = {'system': '系统', 'user': '用户', 'assistant': '助手', 'tool': '工具', "
        "'function': '方法'}[m.role] %}"
        "{% if name %}[unused9]{{ name ~ '\uff1a' ~ m.content }}[unused10]{% endif %}"
    )
    + OPEN
    + "[unused9]助手\uff1a{% endif %}",
    "grok-2": _each(
        "{% if m.role == 'system' %}System: {{ m.content | trim }}{{ '<|separator|>\n\n' }}"
        "{% elif m.role == 'user' %}Human: {{ m.content | trim }}{{ '<|separator|>\n\n' }}"
        "{% elif m.role == 'assistant' %}Assistant: {{ m.content }}{{ '<|separator|>\n\n' }}"
        "{% endif %}"
    )
    + OPEN
    + "Assistant:{% endif %}",
}
"""Template texts by name."""
