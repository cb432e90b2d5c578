"""`/completion`: what is valid, and what lies at the edges."""

from __future__ import annotations

from dataclasses import replace

from tests.compat.cases.making import native
from tests.compat.cases.making import post
from tests.compat.exchange import Request

GRAMMAR = 'root ::= [a-z]+ "."'
LONG = "Hello there. " * 60
REPEATED = {"prompt": "Once upon a time", "n_predict": 2, "temperature": 0, "id_slot": 0}

PROMPTS = (
    native("native-plain"),
    native("native-utf8-prompt", prompt="Grüße, 世界! 🎉"),
    native("native-newline-prompt", prompt="a\n\tb"),
    native("native-special-tokens-in-prompt", prompt="<|im_start|>user\nHi<|im_end|>"),
    native("native-token-prompt", prompt=[1, 300, 301, 302]),
    native("native-mixed-prompt", prompt=[1, 300, "Hello"]),
    native("native-mixed-prompt-text-first", prompt=["Hello", 300, 301]),
    native("native-one-prompt-in-a-list", prompt=["Hello"]),
    native("native-batch", prompt=["Hello", "Once upon a time"]),
    native("native-batch-of-tokens", prompt=[[1, 300], [1, 301, 302]]),
    native("native-batch-of-mixed", prompt=[[1, "Hello"], "Once"]),
    native("native-batch-streamed", prompt=["Hello", "Once upon"], n_predict=3, stream=True),
    native("native-object-prompt", prompt={"prompt_string": "Hello"}),
    native("native-empty-text", prompt=""),
    native("native-empty-list", prompt=[]),
    native("native-empty-text-in-list", prompt=["", "Hello"]),
    native("native-prompt-too-long", prompt=LONG),
    native("native-prompt-too-long-streamed", prompt=LONG, stream=True),
    native("native-one-prompt-of-two-too-long", prompt=["Hello", LONG]),
    replace(
        native("native-cached-prompt", **REPEATED, cache_prompt=True),
        setup=(Request("POST", "/completion", {**REPEATED, "cache_prompt": True}),),
    ),
)

LENGTHS = (
    native("native-n-predict-0", n_predict=0),
    native("native-n-predict-0-streamed", n_predict=0, stream=True),
    native("native-n-predict-1", n_predict=1),
    native("native-n-predict-1-streamed", n_predict=1, stream=True),
    # one letter: hundreds of free tokens would meet ties, which rounding decides
    native("native-until-context-is-full", n_predict=-1, logit_bias=[["a", 100]]),
    native("native-n-predict-beyond-context", n_predict=100000, logit_bias=[["a", 100]]),
    native("native-max-tokens", n_predict=..., max_tokens=3),
    native("native-n-predict-before-max-tokens", n_predict=2, max_tokens=4),
    native("native-n-predict-null", n_predict=None, max_tokens=3),
    native("native-n-predict-fraction", n_predict=2.9),
    native("native-n-predict-true", n_predict=True),
    native("native-n-keep", n_keep=-1),
    native("native-n-discard", n_discard=3),
    native("native-n-indent", n_indent=2),
    native("native-t-max-predict", t_max_predict_ms=100000),
    native("native-ignore-eos", ignore_eos=True),
    native("native-ends-by-itself", logit_bias=[[2, 100]]),
    native("native-ends-by-itself-streamed", logit_bias=[[2, 100]], stream=True),
    native("native-ends-by-itself-but-must-not", logit_bias=[[2, 100]], ignore_eos=True),
    native("native-has-new-line", logit_bias=[["\n", 100]], n_predict=2),
)

STOPS = (
    native("native-stop-not-met", stop=["@@@"]),
    native("native-stop-text", logit_bias=[["a", 100]], stop="aa"),
    native("native-stop-list", logit_bias=[["a", 100]], stop=["zz", "aaa"]),
    native("native-stop-streamed", logit_bias=[["a", 100]], stop=["aaa"], stream=True),
    native("native-stop-at-once", logit_bias=[["a", 100]], stop=["a"]),
    native("native-stop-at-once-streamed", logit_bias=[["a", 100]], stop=["a"], stream=True),
    native("native-stop-half-met", logit_bias=[["a", 100]], stop=["aaaab"]),
    native("native-stop-half-met-streamed", logit_bias=[["a", 100]], stop=["aab"], stream=True),
    native("native-stop-empty-list", stop=[]),
    native("native-stop-null", stop=None),
    native("native-stop-with-probs", logit_bias=[["a", 100]], stop=["aaa"], n_probs=1),
    native("native-half-a-character", logit_bias=[[3 + 0xE4, 100]], n_predict=2),
    native("native-half-a-character-streamed", logit_bias=[[3 + 0xE4, 100]], stream=True),
)

OUTPUT = (
    native("native-streamed", stream=True),
    native("native-stream-null", stream=None),
    native("native-return-tokens", return_tokens=True),
    native("native-return-tokens-streamed", return_tokens=True, stream=True),
    native("native-n-probs", n_probs=3),
    native("native-n-probs-1", n_probs=1, n_predict=1),
    native("native-n-probs-beyond-vocabulary", n_probs=100000, n_predict=1),
    native("native-n-probs-streamed", n_probs=2, stream=True),
    native("native-logprobs-as-n-probs", logprobs=2),
    native("native-post-sampling-probs", n_probs=3, post_sampling_probs=True, temperature=1.0),
    native("native-post-sampling-probs-greedy", n_probs=3, post_sampling_probs=True),
    native(
        "native-post-sampling-probs-streamed",
        n_probs=2,
        post_sampling_probs=True,
        top_k=2,
        temperature=0.8,
        stream=True,
    ),
    native("native-post-sampling-probs-without-n-probs", post_sampling_probs=True),
    native("native-timings-per-token", timings_per_token=True),
    native("native-timings-per-token-streamed", timings_per_token=True, stream=True),
    native("native-return-progress", return_progress=True),
    native("native-return-progress-streamed", return_progress=True, stream=True),
    native(
        "native-return-progress-of-a-long-prompt",
        prompt="Hello there. " * 30,
        return_progress=True,
        timings_per_token=True,
        stream=True,
    ),
    native("native-response-fields", response_fields=["content", "stop_type"]),
    native(
        "native-response-fields-nested",
        response_fields=["content", "generation_settings/n_predict", "timings/predicted_n"],
    ),
    native("native-response-fields-unknown", response_fields=["content", "nothing", "a/b"]),
    native("native-response-fields-empty", response_fields=[]),
    native("native-response-fields-streamed", response_fields=["content", "stop"], stream=True),
    native("native-verbose", verbose=True),
    native("native-n-2", n=2, temperature=1.0),
    native("native-n-2-streamed", n=2, temperature=1.0, n_predict=3, stream=True),
    native("native-n-cmpl-2", n_cmpl=2, temperature=1.0),
    native("native-id-slot-0", id_slot=0),
    native("native-id-slot-beyond", id_slot=99),
    native("native-unknown-fields", nonsense=True, more={"a": [1]}),
)

SAMPLING = (
    native("native-seeded", temperature=0.8, seed=42),
    native("native-seed-minus-1", seed=-1),
    native("native-samplers-names", samplers=["top_k", "temperature"]),
    native("native-samplers-alternative-names", samplers=["top-k", "nucleus", "temp", "typical"]),
    native("native-samplers-letters", samplers="kt"),
    native("native-samplers-unknown", samplers=["top_k", "nonsense"]),
    native("native-samplers-empty", samplers=[]),
    native("native-logit-bias-pairs", logit_bias=[[300, 1.5], [301, False], ["Hello", -1]]),
    native("native-logit-bias-object", logit_bias={"300": 1.5, "Hello": -1, "301": False}),
    native("native-logit-bias-odd-pairs", logit_bias=[[300], [301, "x"], [999999, 1], 5]),
    native("native-grammar", grammar=GRAMMAR),
    native("native-grammar-streamed", grammar=GRAMMAR, stream=True),
    native("native-grammar-ends", grammar='root ::= "ab"', n_predict=20),
    native("native-grammar-empty", grammar=""),
    native("native-grammar-bad", grammar="root ::= ("),
    native("native-grammar-bad-streamed", grammar="root ::= (", stream=True),
    native("native-grammar-without-root", grammar='leaf ::= "a"'),
    native("native-json-schema", json_schema={"type": "boolean"}),
    native("native-mirostat", mirostat=2, temperature=1.0),
    native("native-dry", dry_multiplier=0.8, dry_sequence_breakers=["\n", "x"]),
    native("native-lora-empty", lora=[]),
    native("native-clamped", temperature=-3, top_k=-5, top_p=7, min_p=-1),
    native("native-typical-alias", typical_p=0.5, repeat_last_n=16),
    native("native-min-keep", min_keep=4),
    native("native-backend-sampling", backend_sampling=True),
)

ALIASES = (
    post(
        "native-by-another-path",
        "/completions",
        {"prompt": "Hello", "n_predict": 2, "temperature": 0},
    ),
    native("native-with-chat-fields", messages=[{"role": "user", "content": "x"}]),
)

CASES = PROMPTS + LENGTHS + STOPS + OUTPUT + SAMPLING + ALIASES
