"""Facts about the server, tokens, templates, unknown routes and wrong methods."""

from __future__ import annotations

from dataclasses import replace

from tests.compat.cases.making import HELLO
from tests.compat.cases.making import call
from tests.compat.cases.making import get
from tests.compat.cases.making import post
from tests.compat.exchange import Request

ORIGIN = {"Origin": "http://example.org"}

FACTS = (
    get("slots-unused", "/slots"),
    get("health", "/health"),
    get("health-v1", "/v1/health"),
    get("health-with-query", "/health?x=1"),
    get("models", "/models"),
    get("models-v1", "/v1/models"),
    get("props", "/props"),
    get("props-of-a-model", "/props?model=tiny"),
    get("slots-with-a-free-one", "/slots?fail_on_no_slot=1"),
    replace(
        get("slots-after-a-completion", "/slots"),
        setup=(
            Request(
                "POST",
                "/completion",
                {"prompt": "Hi", "n_predict": 2, "id_slot": 0, "temperature": 0, "stop": ["x"]},
            ),
        ),
    ),
    get("metrics-not-enabled", "/metrics"),
    post("props-not-enabled", "/props", {}),
)

TOKENS = (
    post("tokenize", "/tokenize", {"content": "Hello there, world"}),
    post("tokenize-utf8", "/tokenize", {"content": "Grüße 世界 🎉"}),
    post("tokenize-add-special", "/tokenize", {"content": "Hello", "add_special": True}),
    post("tokenize-special", "/tokenize", {"content": "<s>Hello</s><|im_end|>"}),
    post(
        "tokenize-special-as-text",
        "/tokenize",
        {"content": "<s>Hello</s>", "parse_special": False},
    ),
    post("tokenize-with-pieces", "/tokenize", {"content": "Hello", "with_pieces": True}),
    post("tokenize-bytes-with-pieces", "/tokenize", {"content": "é🎉", "with_pieces": True}),
    post("tokenize-mixed", "/tokenize", {"content": ["Hello", 300, "there"]}),
    post("tokenize-mixed-special", "/tokenize", {"content": ["a", 300], "add_special": True}),
    post("tokenize-tokens", "/tokenize", {"content": [300, 301]}),
    post("tokenize-empty", "/tokenize", {"content": ""}),
    post("tokenize-empty-special", "/tokenize", {"content": "", "add_special": True}),
    post("tokenize-empty-list", "/tokenize", {"content": []}),
    post("tokenize-nothing", "/tokenize", {}),
    post("tokenize-null", "/tokenize", {"content": None}),
    post("tokenize-number", "/tokenize", {"content": 5}),
    post("tokenize-object", "/tokenize", {"content": {}}),
    post("tokenize-nested", "/tokenize", {"content": [["a"]]}),
    post("tokenize-flag-of-text", "/tokenize", {"content": "a", "add_special": "yes"}),
    post("tokenize-unknown-token", "/tokenize", {"content": ["a", 999999]}),
    post("detokenize", "/detokenize", {"tokens": [1, 300, 301, 302]}),
    post("detokenize-empty", "/detokenize", {"tokens": []}),
    post("detokenize-nothing", "/detokenize", {}),
    post("detokenize-half-a-character", "/detokenize", {"tokens": [3 + 0xE4]}),
    post("detokenize-a-character", "/detokenize", {"tokens": [3 + 0xC3, 3 + 0xA9]}),
    post("detokenize-unknown-token", "/detokenize", {"tokens": [999999]}),
    post("detokenize-negative-token", "/detokenize", {"tokens": [-1]}),
    post("detokenize-text", "/detokenize", {"tokens": "Hello"}),
    post("detokenize-texts", "/detokenize", {"tokens": ["Hello"]}),
    post("detokenize-null", "/detokenize", {"tokens": None}),
)

TEMPLATES = (
    post("template", "/apply-template", {"messages": HELLO}),
    post(
        "template-utf8", "/apply-template", {"messages": [{"role": "user", "content": "Grüße 🎉"}]}
    ),
    post(
        "template-of-parts",
        "/apply-template",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
    ),
    post(
        "template-with-prefill",
        "/apply-template",
        {"messages": [*HELLO, {"role": "assistant", "content": "On"}]},
    ),
    post(
        "template-with-prefill-in-parts",
        "/apply-template",
        {
            "messages": [
                *HELLO,
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "On"}, {"type": "text", "text": "ce"}],
                },
            ]
        },
    ),
    post(
        "template-without-generation-prompt",
        "/apply-template",
        {"messages": HELLO, "add_generation_prompt": False},
    ),
    post("template-without-messages", "/apply-template", {}),
    post("template-of-no-messages", "/apply-template", {"messages": []}),
    post("template-of-text", "/apply-template", {"messages": "Hello"}),
    post("template-with-options", "/apply-template", {"messages": HELLO, "temperature": "x"}),
)

METHODS = (
    get("get-completion", "/completion"),
    get("get-chat", "/v1/chat/completions"),
    get("get-tokenize", "/tokenize"),
    call("put-completion", "PUT", "/completion", {"prompt": "x"}),
    call("patch-completion", "PATCH", "/completion", {"prompt": "x"}),
    call("delete-completion", "DELETE", "/completion"),
    post("post-health", "/health", {}),
    post("post-slots", "/slots", {}),
    post("post-models-v1", "/v1/models", {}),
    call("delete-props", "DELETE", "/props"),
    call("head-health", "HEAD", "/health"),
    call("head-completion", "HEAD", "/completion"),
    call("head-unknown", "HEAD", "/nonsense"),
    get("unknown-route", "/nonsense"),
    get("unknown-route-v1", "/v1/nonsense"),
    post("unknown-route-posted", "/nonsense", {"a": 1}),
    post("unknown-route-posted-garbage", "/v1/nonsense"),
    get("trailing-slash", "/health/"),
    post("trailing-slash-posted", "/completion/", {"prompt": "x"}),
    get("double-slash", "//health"),
    get("upper-case", "/HEALTH"),
    get("escaped-path", "/he%61lth"),
    get("root", "/"),
    get("favicon", "/favicon.ico"),
    get("path-that-climbs", "/../etc/passwd"),
)

CORS = (
    call("preflight", "OPTIONS", "/v1/chat/completions", None, **ORIGIN),
    call("preflight-of-unknown-route", "OPTIONS", "/nonsense", None, **ORIGIN),
    call("options-without-origin", "OPTIONS", "/completion"),
    get("health-from-elsewhere", "/health", **ORIGIN),
    get("unknown-route-from-elsewhere", "/nonsense", **ORIGIN),
)

OTHER_DIALECTS = (
    post("infill", "/infill", {"input_prefix": "a", "input_suffix": "b", "n_predict": 1}),
    post("embedding", "/embedding", {"content": "a"}),
    post("embeddings", "/embeddings", {"content": "a"}),
    post("embeddings-v1", "/v1/embeddings", {"input": "a"}),
    post("rerank", "/rerank", {"query": "a", "documents": ["b"]}),
    post("rerank-v1", "/v1/rerank", {"query": "a", "documents": ["b"]}),
    get("lora-adapters", "/lora-adapters"),
    post("lora-adapters-posted", "/lora-adapters", []),
    post("slot-erase", "/slots/0?action=erase", {}),
    post("slot-save-not-enabled", "/slots/0?action=save", {"filename": "a"}),
    post("input-tokens", "/v1/chat/completions/input_tokens", {"messages": HELLO}),
    post("responses", "/v1/responses", {"input": "Hi", "max_output_tokens": 2, "temperature": 0}),
    post(
        "messages",
        "/v1/messages",
        {"messages": HELLO, "max_tokens": 2, "temperature": 0},
    ),
    post("count-tokens", "/v1/messages/count_tokens", {"messages": HELLO}),
    post("transcriptions", "/v1/audio/transcriptions", {}),
    get("stream-to-replay", "/v1/stream"),
    post("streams-lookup", "/v1/streams/lookup", {}),
    get("tools", "/tools"),
    get("cors-proxy", "/cors-proxy"),
)

CASES = FACTS + TOKENS + TEMPLATES + METHODS + CORS + OTHER_DIALECTS
