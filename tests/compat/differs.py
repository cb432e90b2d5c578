"""Where our answers differ from llama-server's, case by case, and why. The only such list.

Every line is checked both ways: a difference that is not listed fails, and so does a listed one
that is gone. `decision` names a page of docs/decisions; `issue` names what is still to be built.
"""

from __future__ import annotations

from dataclasses import dataclass

STATUS = ("status",)
MESSAGE = ("body.error.message",)


@dataclass(frozen=True, slots=True)
class Differs:
    """Some cases that differ for one reason. paths: globs, each of which matches in each case."""

    reason: str
    cases: tuple[str, ...]
    paths: tuple[str, ...] = STATUS


DELIBERATE = (
    Differs(
        "decision 0001: n_predict 0 generates nothing",
        ("native-n-predict-0",),
        ("body.content", "body.tokens_predicted", "body.timings.predicted_n"),
    ),
    Differs(
        "decision 0001: n_predict 0 generates nothing",
        ("native-n-predict-0-streamed", "chat-max-tokens-0-streamed"),
        ("events", "events.*"),
    ),
    Differs(
        "decision 0001: n_predict 0 generates nothing",
        ("legacy-max-tokens-0",),
        ("body.choices.0.text", "body.usage.*", "body.timings.predicted_n"),
    ),
    Differs(
        "decision 0001: n_predict 0 generates nothing",
        ("chat-max-tokens-0",),
        ("body.choices.0.message.content", "body.usage.*", "body.timings.predicted_n"),
    ),
    Differs(
        "decision 0001: text held back as a possible stop string is sent with the last event",
        ("native-stop-streamed", "native-stop-half-met-streamed"),
        ("events.5.content",),
    ),
    Differs(
        "decision 0001: text held back as a possible stop string is sent with the last event",
        ("chat-stop-list-streamed",),
        ("events", "events.*"),
    ),
    Differs(
        "decision 0001: an unfinished character at the end is sent as U+FFFD",
        ("native-half-a-character-streamed",),
        ("events.0.content",),
    ),
    Differs(
        "decision 0001: an unfinished character at the end is sent as U+FFFD",
        ("chat-half-a-character-streamed",),
        ("events", "events.*"),
    ),
    Differs(
        "decision 0001: a prompt without tokens is refused",
        ("prompt-of-an-empty-inner-list",),
    ),
    Differs(
        "decision 0001: timings come with the last event only",
        ("native-stop-at-once-streamed",),
        ("events.0.timings",),
    ),
    Differs(
        "decision 0001: timings come with the last event only",
        ("chat-stop-at-once-streamed",),
        ("events.1.timings",),
    ),
    Differs(
        "decision 0001: no stray `data: null` at the end of several streams",
        ("native-batch-streamed",),
        ("events",),
    ),
    Differs(
        "decision 0001: no stray `data: null` at the end of several streams",
        ("legacy-batch-streamed",),
        ("events", "events.6"),
    ),
    Differs(
        "decision 0001: each completion of a prompt counts what it took of the first one",
        ("native-n-2", "native-n-cmpl-2"),
        ("body.1.timings.cache_n", "body.1.timings.prompt_n"),
    ),
    Differs(
        "decision 0001: each completion of a prompt counts what it took of the first one",
        ("native-n-2-streamed", "chat-n-2-streamed"),
        ("events.*.timings.cache_n", "events.*.timings.prompt_n"),
    ),
    Differs(
        "decision 0001: each completion of a prompt counts what it took of the first one",
        ("legacy-n-2-streamed",),
        (
            "events.*.usage.prompt_tokens_details.cached_tokens",
            "events.*.timings.cache_n",
            "events.*.timings.prompt_n",
        ),
    ),
    Differs(
        "decision 0001: schemas are masks of llguidance, without room for white space",
        ("native-json-schema",),
        ("body.generation_settings.grammar", "body.tokens_cached"),
    ),
    Differs(
        "decision 0001: a document is written where llama-server's grammar fails to start",
        ("chat-response-format-json", "chat-response-format-schema"),
    ),
    Differs(
        "decision 0001: /v1/completions takes response_format, too",
        ("legacy-response-format",),
        ("body.choices.0.text",),
    ),
    Differs("decision 0001: slashes at the beginning of a path count once", ("double-slash",)),
    Differs(
        "decision 0001: what a request without cache computed is shared with nobody",
        ("native-by-another-path",),
        ("body.timings.cache_n", "body.timings.prompt_n"),
    ),
    Differs(
        "decision 0003: a body that is no JSON is the client's fault",
        (
            "body-malformed",
            "body-malformed-for-chat",
            "body-malformed-for-tokenize",
            "body-empty",
            "body-blank",
            "body-followed-by-garbage",
            "body-with-single-quotes",
            "body-with-nan",
            "body-with-comment",
            "body-with-trailing-comma",
            "body-of-invalid-utf8",
            "body-with-half-a-surrogate",
            "adapters-set-to-nonsense",
            "post-without-a-body",
            "chat-without-a-body",
        ),
    ),
    Differs(
        "decision 0003: a body that is no object",
        (
            "body-in-brackets",
            "body-of-an-empty-array",
            "body-of-an-array-for-chat",
            "body-of-text",
            "body-of-a-number",
            "body-of-null",
        ),
        MESSAGE,
    ),
    Differs("decision 0003: a body that is no object", ("body-of-an-array-for-tokenize",)),
    Differs(
        "decision 0003: says what is missing",
        ("body-of-an-empty-object", "prompt-missing", "legacy-without-prompt"),
        MESSAGE,
    ),
    Differs(
        "decision 0003: a constraint of a wrong type is not ignored",
        (
            "stop-of-number",
            "stop-of-object",
            "samplers-of-number",
            "logit-bias-of-text",
            "logit-bias-of-number",
            "grammar-of-number",
            "grammar-of-object",
            "response-fields-of-text",
            "response-fields-of-numbers",
            "id-slot-of-text",
            "lora-of-numbers",
            "lora-of-unknown-id",
            "adapters-unknown",
            "adapters-set-unknown",
            "adapters-set-to-numbers",
            "adapters-set-to-text",
            "chat-top-logprobs-of-wrong-type",
            "chat-response-format-of-wrong-type",
            "chat-template-kwargs-of-wrong-type",
            "chat-generation-prompt-of-wrong-type",
            "tokenize-flag-of-text",
        ),
    ),
    Differs("decision 0003: there is no such slot", ("native-id-slot-beyond", "slots-id-beyond")),
    Differs(
        "decision 0003: a slot action without a file's name is the client's fault",
        (
            "slots-name-a-number",
            "slots-name-null",
            "slots-name-missing",
            "slots-body-of-an-array",
            "slots-body-missing",
            "slots-body-malformed",
        ),
    ),
    Differs(
        "decision 0001: says why a file can't be restored",
        ("slots-restore-of-nothing",),
        MESSAGE,
    ),
    Differs(
        "decision 0001: slot files end with lines of our own",
        ("slots-save", "slots-save-empty"),
        ("body.n_written",),
    ),
    Differs(
        "decision 0001: slot files end with lines of our own",
        ("slots-restore", "slots-restore-empty"),
        ("body.n_read",),
    ),
    Differs(
        "decision 0003: the client's fault is no 500",
        (
            "chat-no-role",
            "chat-null-role",
            "chat-number-role",
            "chat-image-part",
            "chat-audio-part",
            "chat-part-without-text",
            "chat-tools-of-wrong-type",
            "chat-tools-without-function",
            "chat-schema-and-grammar",
            "chat-reasoning-format-unknown",
            "tokenize-null",
            "tokenize-number",
            "tokenize-object",
            "tokenize-nested",
            "detokenize-unknown-token",
            "detokenize-negative-token",
            "detokenize-text",
            "detokenize-texts",
            "detokenize-null",
        ),
    ),
    Differs("decision 0003: there is no such token", ("tokenize-unknown-token",)),
    Differs(
        "decision 0003: says which message is wrong, and what was got",
        (
            "chat-no-content",
            "chat-number-content",
            "chat-object-content",
            "chat-number-message",
            "chat-null-message",
            "chat-unknown-part",
            "chat-part-without-type",
            "chat-part-of-a-number",
        ),
        MESSAGE,
    ),
    Differs(
        "decision 0003: says where the field is",
        ("chat-include-usage-of-wrong-type",),
        MESSAGE,
    ),
    Differs(
        "decision 0003: names all types that there are",
        ("chat-response-format-unknown",),
        MESSAGE,
    ),
    Differs(
        "decision 0003: says what is wrong with the grammar",
        ("native-grammar-bad", "native-grammar-bad-streamed", "native-grammar-without-root"),
        MESSAGE,
    ),
    Differs(
        "decision 0003: an integer beyond 32 bits does not wrap around",
        ("top-k-beyond-32-bits",),
        ("body.generation_settings.top_k",),
    ),
    Differs(
        "decision 0003: an integer beyond 32 bits does not wrap around",
        ("n-predict-beyond-32-bits",),
    ),
    Differs(
        "decision 0003: every error has its code",
        ("tools", "cors-proxy"),
        ("body.error.code",),
    ),
    Differs(
        "decision 0006: says that it is the stream that there is not",
        (
            "stream-unknown",
            "stream-read-after-deletion",
            "stream-of-a-whole-answer",
            "stream-of-a-refused-request",
        ),
        MESSAGE,
    ),
    Differs(
        "decision 0006: a place with a sign or a tail is none",
        ("stream-from-a-negative", "stream-from-with-a-tail"),
    ),
    Differs(
        "decision 0003: a body that is no JSON is the client's fault",
        ("lookup-malformed",),
        (*MESSAGE, "body.error.code"),
    ),
    Differs("decision 0003: a body that is no object", ("lookup-of-an-array",)),
    Differs(
        "decision 0001: a metric whose name the library would change is called a gauge",
        ("metrics", "metrics-unused"),
        ("body.llamacpp:n_tokens_max.type",),
    ),
    Differs(
        "decision 0003: a field of a wrong type is the client's fault",
        ("embed-number", "embed-null", "infill-prompt-number"),
    ),
    Differs(
        "decision 0003: the client's fault is no 500",
        ("infill-no-prefix", "infill-no-suffix"),
    ),
    Differs("decision 0001: an encoder can't write text", ("embed-completion",)),
    Differs("decision 0001: what ranks has no vectors", ("rank-embeddings-v1",)),
    Differs(
        "decision 0008: a response says all that OpenAI's type requires, and that it was cut off",
        ("responses",),
        (
            *("body.completed_at", "body.status", "body.output.0.status"),
            *("body.incomplete_details", "body.background", "body.error", "body.instructions"),
            *("body.max_output_tokens", "body.max_tool_calls", "body.metadata"),
            *("body.parallel_tool_calls", "body.previous_response_id", "body.prompt_cache_key"),
            *("body.reasoning", "body.safety_identifier", "body.service_tier", "body.store"),
            *("body.temperature", "body.text", "body.tool_choice", "body.tools"),
            *("body.top_logprobs", "body.top_p", "body.truncation", "body.user"),
            *("body.timings", "body.usage.input_tokens_details.cache_write_tokens"),
            "body.usage.output_tokens_details",
        ),
    ),
    Differs(
        "decision 0001: the prefix of any request is shared, however short",
        ("responses",),
        ("body.usage.input_tokens_details.cached_tokens",),
    ),
    Differs(
        "issue 6: ids and usage as Anthropic has them",
        ("messages",),
        ("body.id", "body.usage.cache_creation_input_tokens"),
    ),
    Differs("decision 0001: a page of our own; the recorded build has none", ("root", "keys-root")),
    Differs("decision 0001: the page is found without its last slash", ("prefix-alone",)),
)

NOT_BUILT_YET = (
    Differs(
        "issue 4: the rest of the routes",
        ("transcriptions",),
    ),
)

DIFFERS = DELIBERATE + NOT_BUILT_YET
