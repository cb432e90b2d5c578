"""`/v1/rerank`: how well documents answer a query, in Jina's form and in that of TEI.

Answers to post_rerank, format_prompt_rerank and format_response_rerank of llama.cpp `tools/server`.
"""

from __future__ import annotations

import re

import numpy as np
from flask import Response

from server.api import answers
from server.api.blocking import pause
from server.api.errors import InvalidRequest
from server.api.errors import NotSupported
from server.api.registry import Routes
from server.api.service import Model
from server.api.service import Service
from server.api.usage import Json
from server.api.vectors import embed
from server.api.vectors import n_tokens
from server.api.wire import Body
from server.api.wire import bool_field
from server.api.wire import json_response
from server.api.wire import read_json
from server.engine.modelinfo import Pooling
from server.engine.task import Tokens
from server.schema import bodies

routes = Routes("rerank")

NOT_ENABLED = "This server does not support reranking. Start it with `--reranking`"
NO_DOCUMENTS = '"documents" must be a non-empty string array'
PLACES = re.compile(r"\{query\}|\{document\}")
N_BETWEEN_PAUSES = 64


@routes.post(
    "/v1/rerank",
    "/v1/reranking",
    "/rerank",
    "/reranking",
    takes=bodies.RERANK,
    gives=answers.RANKS,
    queues=True,
)
def rerank(service: Service) -> Response:
    """How well each document answers a query, best first."""
    settings, model = service.settings.embedding, service.model()
    if not settings.embedding or model.info.pooling is not Pooling.RANK:
        raise NotSupported(NOT_ENABLED)
    body = read_json()
    query, documents = _query(body), _documents(body)
    bodies.RERANK.check(body)
    results = embed(service, _prompts(model, query, documents))
    scores = [float(result.vectors[0, 0]) for result in results]
    best = sorted(range(len(scores)), key=lambda i: -scores[i])
    top_n = body.get("top_n")
    if isinstance(top_n, int):
        best = best[:top_n]
    if "texts" in body:
        with_text = bool_field(body, "return_text", False)
        return json_response([_tei(i, scores, documents if with_text else None) for i in best])
    n = n_tokens(results)
    return json_response(
        {
            "model": body.get("model", model.name),
            "object": "list",
            "usage": {"prompt_tokens": n, "total_tokens": n},
            "results": [{"index": i, "relevance_score": scores[i]} for i in best],
        }
    )


def _query(body: Body) -> str:
    if "query" not in body:
        raise InvalidRequest('"query" must be provided')
    query = body["query"]
    if not isinstance(query, str):
        raise InvalidRequest('"query" must be a string')
    return query


def _documents(body: Body) -> list[str]:
    """Those of Jina's form, or of TEI's."""
    given = body["documents"] if body.get("documents") is not None else body.get("texts")
    if not isinstance(given, list) or not given:
        raise InvalidRequest(NO_DOCUMENTS)
    if not all(isinstance(each, str) for each in given):
        raise InvalidRequest(NO_DOCUMENTS)
    return given


def _tei(index: int, scores: list[float], documents: list[str] | None) -> Json:
    shown: Json = {"index": index, "score": scores[index]}
    return shown if documents is None else shown | {"text": documents[index]}


def _prompts(model: Model, query: str, documents: list[str]) -> list[Tokens]:
    """What the model reads: by its own template, or BOS query EOS SEP document EOS."""
    tokenizer, template = model.tokenizer, model.info.rerank_template
    eos = tokenizer.eos if tokenizer.eos is not None else tokenizer.sep
    end = [eos] if tokenizer.add_eos and eos is not None else []
    head: list[int] = [tokenizer.bos] if tokenizer.add_bos and tokenizer.bos is not None else []
    head += tokenizer.tokenize(query, add_special=False, parse_special=False) + end
    head += [tokenizer.sep] if tokenizer.add_sep and tokenizer.sep is not None else []
    prompts = []
    for i, document in enumerate(documents):
        if template is not None:
            text = _filled(template, query, document)
            ids = tokenizer.tokenize(text, add_special=False, parse_special=True)
        else:
            ids = head + tokenizer.tokenize(document, add_special=False, parse_special=False) + end
        prompts.append(np.array(ids, np.int32))
        if i % N_BETWEEN_PAUSES == N_BETWEEN_PAUSES - 1:
            pause()
    return prompts


def _filled(template: str, query: str, document: str) -> str:
    """At once, so that a query that says {document} stays what it is."""
    return PLACES.sub(lambda place: query if place[0] == "{query}" else document, template)
