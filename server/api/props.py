"""`/props`: what this server is, for clients and user interfaces.

Answers to get_res_props of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from dataclasses import asdict

import orjson
from flask import Response

from server.api import answers
from server.api.errors import NotSupported
from server.api.registry import Routes
from server.api.service import Model
from server.api.service import Service
from server.api.usage import Json
from server.api.wire import json_response
from server.chat.errors import TemplateError
from server.options.keys import Role
from server.schema import default_generation_settings

routes = Routes("props")


@routes.get("/props", gives=answers.PROPS)
def get_props(service: Service) -> Response:
    """Facts of the server, its model and its defaults."""
    return json_response(props_json(service))


@routes.post("/props", takes=None, gives=answers.SUCCESS, role=Role.ADMIN)
def post_props(service: Service) -> Response:
    """Accepted with --props; there is nothing to change yet, as in the reference."""
    if not service.settings.http.endpoint_props:
        raise NotSupported(
            "This server does not support changing global properties. Start it with `--props`"
        )
    return json_response({"success": True})


def props_json(service: Service) -> Json:
    """The object of GET /props."""
    model, settings = service.model(), service.settings
    info = model.info
    props: Json = {
        "default_generation_settings": {
            "params": default_generation_settings(service.defaults),
            "n_ctx": info.n_ctx_slot,
        },
        "total_slots": info.n_slots,
        "model_alias": model.name,
        "model_ftype": info.ftype,
        "model_path": model.path,
        "modalities": {"vision": False, "video": False, "audio": False},
        "media_marker": service.media_marker,
        "endpoint_slots": settings.http.endpoint_slots,
        "endpoint_props": settings.http.endpoint_props,
        "endpoint_metrics": settings.http.endpoint_metrics,
        "ui": settings.ui.has_page,
        "ui_settings": orjson.loads(settings.ui.ui_config or "{}"),
        "chat_template": model.template_source,
        "chat_template_caps": _template_caps(model),
        "bos_token": info.bos_token,
        "eos_token": info.eos_token,
        "build_info": info.build_info,
        "is_sleeping": False,
        "cors_proxy_enabled": False,
    }
    if settings.chat.jinja and info.chat_template_tool_use:
        props["chat_template_tool_use"] = info.chat_template_tool_use
    return props


def _template_caps(model: Model) -> Json:
    """What the template makes use of; nothing if it can't even be compiled."""
    try:
        return asdict(model.tool_template.caps)
    except TemplateError:
        return {}
