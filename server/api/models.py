"""`/v1/models`: the loaded model, in OpenAI's form and, beside it, in Ollama's.

Answers to get_res_models of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

import time

from flask import Response

from server.api import answers
from server.api.registry import Routes
from server.api.service import Model
from server.api.service import Service
from server.api.usage import Json
from server.api.wire import json_response

routes = Routes("models")


@routes.get("/v1/models", "/models", gives=answers.MODELS)
def list_models(service: Service) -> Response:
    """The one model."""
    model = service.model()
    return json_response(
        {"models": [_ollama_model(model)], "object": "list", "data": [_openai_model(model)]}
    )


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
