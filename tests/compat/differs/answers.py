"""Where answers differ: the values and forms of what both servers give."""

from __future__ import annotations

from tests.compat.differs.row import MESSAGE
from tests.compat.differs.row import Differs

ANSWERS = (
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
        "decision 0001: another token is chosen where the grammar does not allow what comes",
        ("lazy-text-that-does-not-fit",),
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
        "decision 0001: a metric whose name the library would change is called a gauge",
        ("metrics", "metrics-unused"),
        ("body.llamacpp:n_tokens_max.type",),
    ),
    Differs("decision 0001: an encoder can't write text", ("embed-completion",)),
    Differs("decision 0001: what ranks has no vectors", ("rank-embeddings-v1",)),
    Differs("decision 0001: a page of our own; the recorded build has none", ("root", "keys-root")),
    Differs("decision 0001: the page is found without its last slash", ("prefix-alone",)),
)
