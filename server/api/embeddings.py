"""`/v1/embeddings` in OpenAI's form, `/embeddings` in llama-server's own.

Answers to handle_embeddings_impl and format_embeddings_response_oaicompat of llama.cpp
`tools/server`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import orjson
from flask import Response

from server.api import answers
from server.api.blocking import pause
from server.api.errors import JSON_TYPE
from server.api.errors import InvalidRequest
from server.api.errors import NotSupported
from server.api.registry import Routes
from server.api.service import Service
from server.api.usage import Json
from server.api.vectors import embed
from server.api.vectors import n_tokens
from server.api.vectors import normalized
from server.api.wire import Body
from server.api.wire import read_json
from server.engine.modelinfo import Pooling
from server.engine.modelinfo import Tokenizer
from server.engine.task import Embedded
from server.engine.task import Tokens
from server.engine.task import Vectors
from server.schema import bodies
from server.schema import parse_prompts

routes = Routes("embeddings")

NOT_ENABLED = "This server does not support embeddings. Start it with `--embeddings`"
NOT_POOLED = "Pooling type 'none' is not OAI compatible. Please use a different pooling type"
NOTHING_GIVEN = '"input" or "content" must be provided'
UNKNOWN_FORMAT = "The format to return the embeddings in. Can be either float or base64"
RANKS_ONLY = "This server only ranks. Ask /v1/rerank, or start it without `--reranking`"
N_BETWEEN_PAUSES = 64
"""Texts that are made tokens of before others may go on."""


@routes.post("/v1/embeddings", takes=bodies.EMBEDDINGS, gives=answers.EMBEDDINGS, queues=True)
def openai_embeddings(service: Service) -> Response:
    """Vectors of texts, in OpenAI's form."""
    _check_enabled(service)
    if service.model().info.pooling is Pooling.NONE:
        raise InvalidRequest(NOT_POOLED)
    body = _read(service)
    results = _embed(service, body)
    vectors = [_normalized(service, body, result.vectors) for result in results]
    if body.get("input") is None:  # "content" asks for the other form
        return _native(vectors)
    is_base64 = body.get("encoding_format") == "base64"
    n = n_tokens(results)
    return _json(
        {
            "model": body.get("model", service.model().name),
            "object": "list",
            "usage": {"prompt_tokens": n, "total_tokens": n},
            "data": [_datum(i, rows[0], is_base64) for i, rows in enumerate(vectors)],
        }
    )


@routes.post(
    "/embeddings", "/embedding", takes=bodies.EMBEDDINGS, gives=answers.VECTORS, queues=True
)
def embeddings(service: Service) -> Response:
    """Vectors of texts, or of each of their tokens where the server does not pool."""
    _check_enabled(service)
    body = _read(service)
    results = _embed(service, body)
    return _native([_normalized(service, body, result.vectors) for result in results])


def _check_enabled(service: Service) -> None:
    if not service.settings.embedding.embedding:
        raise NotSupported(NOT_ENABLED)
    if service.model().info.pooling is Pooling.RANK:
        raise NotSupported(RANKS_ONLY)


def _read(service: Service) -> Body:
    """The body, checked. dimensions is for models that can be cut; none says so of itself."""
    body = read_json()
    if body.get("input") is None and body.get("content") is None:
        raise InvalidRequest(NOTHING_GIVEN)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise InvalidRequest(UNKNOWN_FORMAT)
    bodies.EMBEDDINGS.check(body)
    n_embd = service.model().info.n_embd_out
    if body.get("dimensions") not in (None, n_embd):
        raise InvalidRequest(
            f"dimensions: this model's vectors have {n_embd}; leave it out, or cut them yourself"
        )
    return body


def _embed(service: Service, body: Body) -> list[Embedded]:
    given = body["input"] if body.get("input") is not None else body["content"]
    prompts = _prompts(given, service.model().tokenizer)
    if any(len(prompt) == 0 for prompt in prompts):
        raise InvalidRequest("Input content cannot be empty")
    return embed(service, prompts)


def _prompts(given: object, tokenizer: Tokenizer) -> list[Tokens]:
    """One for each text; many texts do not keep other requests waiting."""
    if not isinstance(given, list) or any(isinstance(item, int) for item in given):
        return parse_prompts(_text_of(given), tokenizer)
    if not given:
        raise InvalidRequest('"input" must not be empty')
    prompts: list[Tokens] = []
    for i in range(0, len(given), N_BETWEEN_PAUSES):
        texts = [_text_of(item) for item in given[i : i + N_BETWEEN_PAUSES]]
        prompts += parse_prompts(texts, tokenizer)
        pause()
    return prompts


def _text_of(item: object) -> object:
    """The text of parts as chats have them; the schema lets no other parts pass."""
    if isinstance(item, dict) and isinstance(item.get("content"), list):
        return "".join(part.get("text", "") for part in item["content"])
    return item


def _normalized(service: Service, body: Body, vectors: Vectors) -> Vectors:
    """Only what is pooled is normalized."""
    if service.model().info.pooling is Pooling.NONE:
        return vectors
    norm = body.get("embd_normalize")
    return normalized(
        vectors, norm if isinstance(norm, int) else service.settings.embedding.embd_normalize
    )


def _native(vectors: Sequence[Vectors]) -> Response:
    return _json([{"index": i, "embedding": rows} for i, rows in enumerate(vectors)])


def _datum(index: int, vector: Vectors, is_base64: bool) -> Json:
    if not is_base64:
        return {"embedding": vector, "index": index, "object": "embedding"}
    text = b64encode(vector.astype("<f4").tobytes()).decode()
    shown: Json = {"embedding": text, "index": index, "object": "embedding"}
    return shown | {"encoding_format": "base64"}


def _json(value: object) -> Response:
    """Arrays are written as they are, each number with the digits that its 32 bits need."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(text, content_type=JSON_TYPE)
