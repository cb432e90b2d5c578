"""Rows of the request table: the prompt, what is sent back, and when generation ends."""

from __future__ import annotations

from server.schema.field import INT32_MAX
from server.schema.field import INT64_MAX
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.field import Section
from server.schema.parsers import parse_id_slot
from server.schema.parsers import parse_n_cmpl
from server.schema.parsers import parse_stop
from server.schema.parsers import parse_strings

STRINGS: dict[str, object] = {"type": "array", "items": {"type": "string"}}
STRING_OR_STRINGS: dict[str, object] = {"anyOf": [{"type": "string"}, STRINGS]}
TOKENS_OR_TEXTS = {"type": "array", "items": {"type": ["integer", "string"]}}
PROMPT_OBJECT = {
    "type": "object",
    "required": ["prompt_string"],
    "properties": {"multimodal_data": STRINGS},
}
ONE_PROMPT = {"anyOf": [{"type": "string"}, TOKENS_OR_TEXTS, PROMPT_OBJECT]}
PROMPTS: dict[str, object] = {
    "anyOf": [ONE_PROMPT, {"type": "array", "items": ONE_PROMPT, "minItems": 1}]
}

PROMPT_ROWS = (
    Field(
        "prompt",
        Kind.JSON,
        "Text, token ids, a mix of both in one array, an object "
        '`{"prompt_string": ..., "multimodal_data": [...]}`, or an array of these: one completion '
        "for each. The text of a prompt gets the model's BOS token in front.",
        Section.PROMPT,
        into=Into.NOWHERE,
        form=PROMPTS,
    ),
    Field(
        "cache_prompt",
        Kind.BOOL,
        "Start from what is already computed of the same beginning of the prompt.",
        Section.PROMPT,
    ),
    Field(
        "n_cache_reuse",
        Kind.INT,
        "Fewest tokens of a stretch that is taken from the cache although it moved (0 = never).",
        Section.PROMPT,
        hard=(0, INT32_MAX),
    ),
    Field(
        "n_keep",
        Kind.INT,
        "Tokens at the start of the prompt that stay when the context overflows (-1 = all).",
        Section.PROMPT,
        hard=(-1, INT32_MAX),
    ),
    Field(
        "n_discard",
        Kind.INT,
        "Tokens after n_keep that go when the context overflows (0 = half of them).",
        Section.PROMPT,
        hard=(0, INT32_MAX),
    ),
    Field(
        "cache_salt",
        Kind.STR,
        "Only requests with the same text here share what is computed of their prompts.",
        Section.PROMPT,
    ),
    Field(
        "id_slot",
        Kind.INT,
        "The slot to run in, which then reuses only its own tokens (-1 = any).",
        Section.PROMPT,
        parse=parse_id_slot,
    ),
    Field(
        "priority",
        Kind.INT,
        "Whose turn it is where requests wait for a slot: lower numbers go first. A key may claim "
        "what its line in the key file says, by default 0.",
        Section.PROMPT,
        hard=(-INT32_MAX, INT32_MAX),
    ),
)

OUTPUT_ROWS = (
    Field("stream", Kind.BOOL, "Send each token as soon as it is there (SSE).", Section.OUTPUT),
    Field(
        "include_usage",
        Kind.BOOL,
        "End a chat stream with an event that carries `usage`.",
        Section.OUTPUT,
        parent="stream_options",
    ),
    Field(
        "sse_ping_interval",
        Kind.INT,
        "Seconds of silence in a stream after which a comment is sent (-1 = never).",
        Section.OUTPUT,
        hard=(-1, INT32_MAX),
    ),
    Field(
        "return_progress",
        Kind.BOOL,
        "Tell in a stream how far the prompt is processed.",
        Section.OUTPUT,
    ),
    Field("return_tokens", Kind.BOOL, "Put the ids of the output in `tokens`.", Section.OUTPUT),
    Field(
        "timings_per_token", Kind.BOOL, "Put `timings` in every event of a stream.", Section.OUTPUT
    ),
    Field(
        "response_fields",
        Kind.JSON,
        "The fields to return, of which unknown ones are left out; `a/b` takes b out of a.",
        Section.OUTPUT,
        parse=parse_strings,
        form=STRINGS,
    ),
    Field(
        "n_probs",
        Kind.INT,
        "Return the probabilities of the N most likely tokens at each position (0 = none).",
        Section.OUTPUT,
        aliases=("logprobs",),
        into=Into.SAMPLING,
    ),
    Field(
        "post_sampling_probs",
        Kind.BOOL,
        "Take those probabilities after the sampler chain instead of before it.",
        Section.OUTPUT,
        into=Into.SAMPLING,
    ),
    Field("verbose", Kind.BOOL, "Add `__verbose`, a view for debugging.", Section.OUTPUT),
)

LENGTH_ROWS = (
    Field(
        "n_predict",
        Kind.INT,
        "The most tokens to generate (-1 = until the context is full).",
        Section.LENGTH,
        aliases=("max_completion_tokens", "max_tokens"),
        hard=(-1, INT32_MAX),
    ),
    Field(
        "n_cmpl",
        Kind.INT,
        "Completions for each prompt, at most the number of slots.",
        Section.LENGTH,
        aliases=("n",),
        hard=(1, INT32_MAX),
        parse=parse_n_cmpl,
    ),
    Field(
        "stop",
        Kind.JSON,
        "Text, or several, at which generation ends; it is not part of the output.",
        Section.LENGTH,
        parse=parse_stop,
        form=STRING_OR_STRINGS,
    ),
    Field(
        "n_indent",
        Kind.INT,
        "End when a line is indented by fewer than N blanks (0 = off); for code completion.",
        Section.LENGTH,
        hard=(0, INT32_MAX),
    ),
    Field(
        "t_max_predict_ms",
        Kind.INT,
        "End at a line break once this many milliseconds passed since the first token (0 = off).",
        Section.LENGTH,
        hard=(-1, INT64_MAX),
    ),
    Field(
        "ignore_eos",
        Kind.BOOL,
        "Ban the tokens that end a generation.",
        Section.LENGTH,
        into=Into.SAMPLING,
    ),
)

ROWS = PROMPT_ROWS + OUTPUT_ROWS + LENGTH_ROWS
