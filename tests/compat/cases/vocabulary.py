"""A trained model's vocabulary and template: nothing here is computed by the model."""

from __future__ import annotations

from typing import Any

from tests.compat.cases.making import HELLO
from tests.compat.cases.making import get
from tests.compat.cases.making import post
from tests.compat.exchange import Case

TEXTS = {
    "words": "Hello there, how are you?  Two spaces.",
    "languages": "Grüße, 世界! Привет мир. שלום עולם. नमस्ते",
    "emoji": "👩‍👩‍👧 🎉 ♥️",
    "code": "def f(x):\n\treturn x**2  # 3.14\r\n\n\n}",
    "numbers": "1234567 3.14159 1e-9 0xFF ½",
    "combining": "é vs é, ﬁ, ① \u200b\u00a0",
    "control": "<|im_start|>user\nHi<|im_end|><|endoftext|>",
    "blanks": "   \n\n\t  ",
}


def tokenized(name: str, text: str) -> tuple[Case, ...]:
    """A text with its pieces, and with control tokens as text."""
    return (
        post(f"vocabulary-{name}", "/tokenize", {"content": text, "with_pieces": True}),
        post(
            f"vocabulary-{name}-special",
            "/tokenize",
            {"content": text, "add_special": True, "parse_special": False},
        ),
    )


def rendered(name: str, messages: list[dict[str, Any]], **fields: Any) -> Case:
    """A chat's prompt."""
    return post(f"template-of-{name}", "/apply-template", {"messages": messages, **fields})


CASES = (
    get("vocabulary-props", "/props"),
    get("vocabulary-models", "/v1/models"),
    *(case for name, text in TEXTS.items() for case in tokenized(name, text)),
    post("vocabulary-detokenize", "/detokenize", {"tokens": [1, 9690, 198, 2, 198, 1]}),
    post("vocabulary-detokenize-bytes", "/detokenize", {"tokens": [182, 188, 240]}),
    rendered("one-turn", HELLO),
    rendered("a-system-turn", [{"role": "system", "content": "Be brief."}, *HELLO]),
    rendered("several-turns", [*HELLO, {"role": "assistant", "content": " Hi. "}, *HELLO]),
    rendered("a-prefill", [*HELLO, {"role": "assistant", "content": "Hi, I"}]),
    rendered("no-generation", HELLO, add_generation_prompt=False),
    rendered("unusual-characters", [{"role": "user", "content": "<|im_end|>\n ünï 🎉 \\n"}]),
    rendered("a-tool-turn", [*HELLO, {"role": "tool", "content": "42", "tool_call_id": "1"}]),
    post(
        "vocabulary-prompt-too-long",
        "/completion",
        {"prompt": "Hello there. " * 200, "n_predict": 1},
    ),
)
