"""`/lora-adapters`: which LoRA adapters there are, and how strongly they act.

The scales are those of requests without `lora`; each request takes them when it comes. Answers to
the handlers of these routes in llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from flask import Response

from server.api import answers
from server.api.registry import Routes
from server.api.service import Service
from server.api.service import readable
from server.api.usage import Json
from server.api.wire import json_response
from server.api.wire import read_value
from server.engine.modelinfo import AdapterInfo
from server.engine.modelinfo import Tokenizer
from server.options.keys import Role
from server.schema import bodies
from server.schema import parse_server_scales

routes = Routes("lora")


@routes.get("/lora-adapters", gives=answers.ADAPTERS)
def list_adapters(service: Service) -> Response:
    """All adapters, in the order of their ids."""
    model = service.model()
    pairs = zip(model.info.adapters, service.lora_scales, strict=True)
    rows = [_row(i, *pair, model.tokenizer) for i, pair in enumerate(pairs)]
    return json_response(rows)


@routes.post("/lora-adapters", takes=bodies.SCALES, gives=answers.SUCCESS, role=Role.ADMIN)
def set_scales(service: Service) -> Response:
    """Set all scales; an adapter that the body leaves out is off from now on."""
    body = read_value("a JSON array")
    service.lora_scales = parse_server_scales(body, service.model().info.adapters)
    return json_response({"success": True})


def _row(adapter_id: int, adapter: AdapterInfo, scale: float, tokenizer: Tokenizer) -> Json:
    row: Json = {
        "id": adapter_id,
        "path": readable(adapter.path),
        "scale": scale,
        "task_name": adapter.task_name,
        "prompt_prefix": adapter.prompt_prefix,
    }
    if adapter.invocation:
        pieces = b"".join(tokenizer.piece(token) for token in adapter.invocation)
        row["alora_invocation_string"] = pieces.decode("utf-8", "replace")
        row["alora_invocation_tokens"] = [*adapter.invocation]
    return row
