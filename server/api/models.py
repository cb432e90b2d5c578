"""`/v1/models`: the loaded model, in OpenAI's form and, beside it, in Ollama's; or in Anthropic's.

Anthropic's clients ask the same path as OpenAI's, and say who they are by a header. Answers to
get_res_models of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

import time

from flask import Response
from flask import request as http

from server.api import answers
from server.api.describe import TEXT
from server.api.describe import Param
from server.api.errors import NotFound
from server.api.registry import Routes
from server.api.service import Model
from server.api.service import Service
from server.api.usage import Json
from server.api.wire import json_response

ANTHROPIC = "anthropic-version"
"""The header that every request of Anthropic's clients has."""

UNKNOWN = "1970-01-01T00:00:00Z"
"""When the model was made; what Anthropic's API says where it does not know."""

ID = Param("model_id", "The name of the model, or another of its aliases.", TEXT, "path", True)

routes = Routes("models")


@routes.get("/v1/models", "/models", gives=answers.MODELS)
def list_models(service: Service) -> Response:
    """The one model; in Anthropic's form where its clients ask."""
    model = service.model()
    if ANTHROPIC in http.headers:
        page: Json = {"has_more": False, "first_id": model.name, "last_id": model.name}
        return json_response({"data": [_anthropic_model(model)], **page})
    return json_response(
        {"models": [_ollama_model(model)], "object": "list", "data": [_openai_model(model)]}
    )


@routes.get("/v1/models/<rest:model_id>", gives=answers.ONE_MODEL, params=(ID,))
def retrieve_model(service: Service) -> Response:
    """The one model, by any of its names."""
    model, asked = service.model(), str((http.view_args or {})["model_id"])
    if asked not in model.aliases:
        raise NotFound(f"There is no model {asked!r}; GET /v1/models names the one there is")
    is_anthropic = ANTHROPIC in http.headers
    return json_response(_anthropic_model(model) if is_anthropic else _openai_model(model))


def _anthropic_model(model: Model) -> Json:
    n_ctx = model.info.n_ctx_slot
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": UNKNOWN,
        "lifecycle": "active",
        "max_input_tokens": n_ctx,
        "max_tokens": n_ctx,
    }


def _openai_model(model: Model) -> Json:
    info = model.info
    return {
        "id": model.name,
        "aliases": model.aliases,
        "tags": model.tags,
        "object": "model",
        "created": int(time.time()),
        "owned_by": "llamacpp",
        "meta": {
            "vocab_type": info.vocab_type,
            "n_vocab": info.n_vocab,
            "n_ctx": info.n_ctx_slot,
            "n_ctx_train": info.n_ctx_train,
            "n_embd": info.n_embd,
            "n_params": info.n_params,
            "size": info.size_bytes,
            "ftype": info.ftype,
        },
    }


def _ollama_model(model: Model) -> Json:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": "",
        "size": "",
        "digest": "",
        "type": "model",
        "description": "",
        "tags": [""],
        "capabilities": ["completion"],
        "parameters": "",
        "details": {
            "parent_model": "",
            "format": "gguf",
            "family": "",
            "families": [""],
            "parameter_size": "",
            "quantization_level": "",
        },
    }
