"""Bodies that are no JSON, values of wrong types, values out of range."""

from __future__ import annotations

from tests.compat.cases.making import native
from tests.compat.cases.making import post
from tests.compat.cases.making import raw

OK = b'{"prompt": "Hello", "n_predict": 1, "temperature": 0, "cache_prompt": false}'

BODIES = (
    raw("body-malformed", "/completion", b'{"prompt": "Hello"'),
    raw("body-malformed-for-chat", "/v1/chat/completions", b'{"messages": ['),
    raw("body-malformed-for-tokenize", "/tokenize", b"{"),
    raw("body-empty", "/completion", b""),
    raw("body-blank", "/completion", b"  "),
    raw("body-followed-by-garbage", "/completion", OK + b" x"),
    raw("body-with-single-quotes", "/completion", b"{'prompt': 'Hello'}"),
    raw("body-with-nan", "/completion", b'{"prompt": "Hello", "temperature": NaN}'),
    raw("body-with-comment", "/completion", b'{"prompt": "Hello" /* x */}'),
    raw("body-with-trailing-comma", "/completion", b'{"prompt": "Hello",}'),
    raw("body-of-invalid-utf8", "/completion", b'{"prompt": "\xff\xfe", "n_predict": 1}'),
    raw("body-with-half-a-surrogate", "/completion", b'{"prompt": "\\ud800", "n_predict": 1}'),
    raw("body-with-duplicate-key", "/completion", b'{"n_predict": 3, ' + OK[1:]),
    raw("body-in-brackets", "/completion", b"[" + OK + b"]"),
    raw("body-of-an-empty-array", "/completion", b"[]"),
    raw("body-of-an-array-for-chat", "/v1/chat/completions", b"[]"),
    raw("body-of-an-array-for-tokenize", "/tokenize", b"[]"),
    raw("body-of-text", "/completion", b'"Hello"'),
    raw("body-of-a-number", "/completion", b"5"),
    raw("body-of-null", "/completion", b"null"),
    raw("body-of-an-empty-object", "/completion", b"{}"),
    raw("body-of-an-empty-object-for-chat", "/v1/chat/completions", b"{}"),
    raw("body-as-text-plain", "/completion", OK, Content_Type="text/plain"),
    raw(
        "body-as-a-form",
        "/completion",
        OK,
        Content_Type="application/x-www-form-urlencoded",
    ),
    raw("body-with-a-byte-order-mark", "/completion", b"\xef\xbb\xbf" + OK),
    raw("body-nested-deep", "/completion", b'{"x": ' + b"[" * 100 + b"]" * 100 + b", " + OK[1:]),
    post("post-without-a-body", "/completion"),
    post("chat-without-a-body", "/v1/chat/completions"),
)

PROMPTS = (
    native("prompt-missing", prompt=...),
    native("prompt-null", prompt=None),
    native("prompt-number", prompt=5),
    native("prompt-true", prompt=True),
    native("prompt-object", prompt={"a": 1}),
    native("prompt-list-of-objects", prompt=[{"a": 1}]),
    native("prompt-list-of-null", prompt=[None]),
    native("prompt-list-of-fractions", prompt=[1.5, 2.5]),
    native("prompt-of-negative-token", prompt=[1, -5]),
    native("prompt-of-unknown-token", prompt=[1, 999999]),
    native("prompt-of-nested-lists", prompt=[[[1]]]),
    native("prompt-of-an-empty-inner-list", prompt=[[], [1, 300]]),
)

WRONG_TYPES = (
    native("n-predict-of-text", n_predict="5"),
    native("n-predict-of-list", n_predict=[5]),
    native("max-tokens-of-text", n_predict=..., max_tokens="5"),
    native("temperature-of-text", temperature="hot"),
    native("temperature-of-true", temperature=True),
    native("top-k-of-text", top_k="40"),
    native("top-p-of-list", top_p=[]),
    native("min-p-of-object", min_p={}),
    native("seed-of-text", seed="x"),
    native("seed-of-fraction", seed=1.5),
    native("stream-of-text", stream="yes"),
    native("stream-of-number", stream=1),
    native("stop-of-number", stop=5),
    native("stop-of-numbers", stop=[1, 2]),
    native("stop-of-object", stop={}),
    native("samplers-of-number", samplers=5),
    native("samplers-of-numbers", samplers=[1]),
    native("logit-bias-of-text", logit_bias="x"),
    native("logit-bias-of-number", logit_bias=5),
    native("grammar-of-number", grammar=5),
    native("grammar-of-object", grammar={}),
    native("json-schema-of-text", json_schema="x"),
    native("n-probs-of-text", n_probs="2"),
    native("n-probs-negative", n_probs=-1),
    native("response-fields-of-text", response_fields="content"),
    native("response-fields-of-numbers", response_fields=[1]),
    native("cache-prompt-of-text", cache_prompt="no"),
    native("return-tokens-of-number", return_tokens=1),
    native("timings-per-token-of-text", timings_per_token="x"),
    native("id-slot-of-text", id_slot="0"),
    native("dry-breakers-of-text", dry_sequence_breakers="x"),
    native("dry-breakers-empty", dry_sequence_breakers=[]),
    native("mirostat-of-text", mirostat="x"),
    native("lora-of-text", lora="x"),
    native("lora-of-numbers", lora=[1]),
    native("ignore-eos-of-text", ignore_eos="x"),
)

OUT_OF_RANGE = (
    native("n-predict-minus-2", n_predict=-2),
    native("n-cmpl-0", n_cmpl=0),
    native("n-cmpl-beyond-slots", n_cmpl=5),
    native("n-indent-negative", n_indent=-1),
    native("n-discard-negative", n_discard=-1),
    native("n-keep-minus-2", n_keep=-2),
    native("repeat-last-n-minus-1", repeat_last_n=-1),
    native("repeat-last-n-minus-2", repeat_last_n=-2),
    native("dry-penalty-last-n-minus-1", dry_penalty_last_n=-1),
    native("dry-penalty-last-n-minus-2", dry_penalty_last_n=-2),
    native("dry-allowed-length-negative", dry_allowed_length=-1),
    native("dry-base-below-1", dry_base=0.5),
    native("min-keep-negative", min_keep=-1),
    native("adaptive-decay-2", adaptive_decay=2),
    native("mirostat-3", mirostat=3),
    native("t-max-predict-negative", t_max_predict_ms=-5),
    native("top-k-beyond-32-bits", top_k=3_000_000_000),
    native("n-predict-beyond-32-bits", n_predict=5_000_000_000),
    native("lora-of-unknown-id", lora=[{"id": 5, "scale": 1}]),
)

CASES = BODIES + PROMPTS + WRONG_TYPES + OUT_OF_RANGE
