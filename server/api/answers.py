"""JSON Schemas of answers that several routes or several dialects share, and of errors.

They say which keys a client may rely on; answers may have more. A test holds real answers against
them.
"""

from __future__ import annotations

from server.api.describe import ANY
from server.api.describe import BOOL
from server.api.describe import INT
from server.api.describe import NUMBER
from server.api.describe import OBJECT
from server.api.describe import TEXT
from server.api.describe import Answer
from server.api.describe import Json
from server.api.describe import array
from server.api.describe import either
from server.api.describe import maybe
from server.api.describe import one_of
from server.api.describe import record

ERROR: Json = record(
    {
        "error": record(
            {"code": INT, "message": TEXT, "type": TEXT},
            {"n_prompt_tokens": INT, "n_ctx": INT},
        )
    }
)

NOTHING = Answer("Never.", status=204)
"""For routes that always refuse."""

CONTROLLED = Answer(
    "Whether it could be done, and why not.",
    "CompletionControlled",
    record({"success": BOOL}, {"message": TEXT}),
)

SUCCESS = Answer("It was done.", "Success", record({"success": BOOL}))

TIMINGS: Json = record(
    {
        "cache_n": INT,
        "prompt_n": INT,
        "prompt_ms": NUMBER,
        "prompt_per_token_ms": NUMBER,
        "prompt_per_second": NUMBER,
        "predicted_n": INT,
        "predicted_ms": NUMBER,
        "predicted_per_token_ms": NUMBER,
        "predicted_per_second": NUMBER,
    },
    {"draft_n": INT, "draft_n_accepted": INT},
)

USAGE: Json = record(
    {
        "completion_tokens": INT,
        "prompt_tokens": INT,
        "total_tokens": INT,
        "prompt_tokens_details": record({"cached_tokens": INT}),
    }
)

COMPLETION: Json = record(
    {},
    {
        "index": INT,
        "content": TEXT,
        "tokens": array(INT),
        "id_slot": INT,
        "stop": BOOL,
        "model": TEXT,
        "tokens_predicted": INT,
        "tokens_evaluated": INT,
        "generation_settings": OBJECT,
        "prompt": TEXT,
        "has_new_line": BOOL,
        "truncated": BOOL,
        "stop_type": one_of("none", "eos", "word", "limit"),
        "stopping_word": TEXT,
        "tokens_cached": INT,
        "timings": TIMINGS,
        "completion_probabilities": array(OBJECT),
    },
)

NATIVE_COMPLETION = Answer(
    "The completion; an array of them where there are several.",
    "Completion",
    either(COMPLETION, array(COMPLETION)),
    streams=True,
)

FINISH_REASON = maybe(one_of("stop", "length", "tool_calls"))

TEXT_COMPLETION = Answer(
    "The completion.",
    "OpenAICompletion",
    record(
        {
            "id": TEXT,
            "object": TEXT,
            "created": INT,
            "model": TEXT,
            "system_fingerprint": TEXT,
            "choices": array(
                record(
                    {
                        "text": TEXT,
                        "index": INT,
                        "logprobs": maybe(OBJECT),
                        "finish_reason": FINISH_REASON,
                    }
                )
            ),
            "usage": USAGE,
            "timings": TIMINGS,
        },
        {"__verbose": OBJECT},
    ),
    streams=True,
)

CHAT_COMPLETION = Answer(
    "The answer of the assistant.",
    "ChatCompletion",
    record(
        {
            "id": TEXT,
            "object": TEXT,
            "created": INT,
            "model": TEXT,
            "system_fingerprint": TEXT,
            "choices": array(
                record(
                    {
                        "index": INT,
                        "finish_reason": FINISH_REASON,
                        "message": record(
                            {"role": TEXT},
                            {
                                "content": maybe(TEXT),
                                "reasoning_content": TEXT,
                                "tool_calls": array(OBJECT),
                            },
                        ),
                    },
                    {"logprobs": OBJECT},
                )
            ),
            "usage": USAGE,
            "timings": TIMINGS,
        },
        {"__verbose": OBJECT},
    ),
    streams=True,
)

PROMPT = Answer("The prompt.", "Prompt", record({"prompt": TEXT}))
CONTENT = Answer("The text.", "Content", record({"content": TEXT}))

TOKENS = Answer(
    "The tokens.",
    "Tokens",
    record({"tokens": array(either(INT, record({"id": INT, "piece": either(TEXT, array(INT))})))}),
)

INPUT_TOKENS = Answer(
    "The number of tokens.", "InputTokens", record({"input_tokens": INT, "object": TEXT})
)

TOKENS_USAGE: Json = record({"prompt_tokens": INT, "total_tokens": INT})

EMBEDDINGS = Answer(
    "A vector for each text; as base64 the bytes of little-endian float32 numbers.",
    "Embeddings",
    either(
        record(
            {
                "model": ANY,
                "object": TEXT,
                "usage": TOKENS_USAGE,
                "data": array(
                    record(
                        {
                            "embedding": either(array(NUMBER), TEXT),
                            "index": INT,
                            "object": TEXT,
                        },
                        {"encoding_format": TEXT},
                    )
                ),
            }
        ),
        array(record({"index": INT, "embedding": array(array(NUMBER))})),
    ),
)

VECTORS = Answer(
    "The vectors of each text: one, or one for each token.",
    "Vectors",
    array(record({"index": INT, "embedding": array(array(NUMBER))})),
)

RANKS = Answer(
    "The documents by their scores, best first; a bare array where `texts` were sent.",
    "Ranks",
    either(
        record(
            {
                "model": ANY,
                "object": TEXT,
                "usage": TOKENS_USAGE,
                "results": array(record({"index": INT, "relevance_score": NUMBER})),
            }
        ),
        array(record({"index": INT, "score": NUMBER}, {"text": TEXT})),
    ),
)

HEALTH = Answer("Requests are served.", "Health", record({"status": one_of("ok")}))

METRICS = Answer("Metrics in Prometheus's text form.", media="text/plain; version=0.0.4")

OPENAI_MODEL: Json = record(
    {
        "id": TEXT,
        "object": TEXT,
        "created": INT,
        "owned_by": TEXT,
        "aliases": array(TEXT),
        "tags": array(TEXT),
        "meta": maybe(OBJECT),
    }
)

ANTHROPIC_MODEL: Json = record(
    {
        "type": one_of("model"),
        "id": TEXT,
        "display_name": TEXT,
        "created_at": TEXT,
        "lifecycle": TEXT,
        "max_input_tokens": INT,
        "max_tokens": INT,
    }
)

MODELS = Answer(
    "The model, in OpenAI's form under `data` and in Ollama's under `models`; in Anthropic's where "
    "there is a header `anthropic-version`.",
    "Models",
    either(
        record(
            {
                "object": TEXT,
                "models": array(record({"name": TEXT, "model": TEXT, "capabilities": array(TEXT)})),
                "data": array(OPENAI_MODEL),
            }
        ),
        record(
            {
                "data": array(ANTHROPIC_MODEL),
                "has_more": BOOL,
                "first_id": TEXT,
                "last_id": TEXT,
            }
        ),
    ),
)

ONE_MODEL = Answer(
    "The model, in OpenAI's form, or in Anthropic's.",
    "Model",
    either(OPENAI_MODEL, ANTHROPIC_MODEL),
)

PROPS = Answer(
    "What this server is.",
    "Props",
    record(
        {
            "default_generation_settings": record({"params": OBJECT, "n_ctx": INT}),
            "total_slots": INT,
            "model_alias": TEXT,
            "model_path": TEXT,
            "modalities": record({"vision": BOOL, "audio": BOOL}),
            "chat_template": TEXT,
            "chat_template_caps": OBJECT,
            "bos_token": TEXT,
            "eos_token": TEXT,
            "build_info": TEXT,
            "is_sleeping": BOOL,
        }
    ),
)

SLOTS = Answer(
    "Each slot; of one that had no request yet less is said.",
    "Slots",
    array(
        record(
            {"id": INT, "n_ctx": INT, "speculative": BOOL, "is_processing": BOOL},
            {
                "id_task": INT,
                "n_prompt_tokens": INT,
                "n_prompt_tokens_processed": INT,
                "n_prompt_tokens_cache": INT,
                "params": OBJECT,
                "next_token": array(OBJECT),
                "cache_divergence": OBJECT,
                "checkpoints": ANY,
                "prompt": TEXT,
                "generated": TEXT,
            },
        )
    ),
)

SLOT_ACTION = Answer(
    "What was done.",
    "SlotAction",
    record(
        {"id_slot": INT},
        {
            "filename": TEXT,
            "n_saved": INT,
            "n_written": INT,
            "n_restored": INT,
            "n_read": INT,
            "n_erased": INT,
            "timings": OBJECT,
        },
    ),
)

ADAPTERS = Answer(
    "All adapters, in the order of their ids.",
    "Adapters",
    array(
        record(
            {"id": INT, "path": TEXT, "scale": NUMBER, "task_name": TEXT, "prompt_prefix": TEXT},
            {"alora_invocation_string": TEXT, "alora_invocation_tokens": array(INT)},
        )
    ),
)
