"""`/slots`: what each slot does, read from the engine's last snapshot.

Nothing is asked of the engine, so the answer comes at once however busy it is. Answers to
server_slot::to_json of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from flask import Response
from flask import request as http

from server.api import answers
from server.api.describe import INT
from server.api.describe import TEXT
from server.api.describe import Param
from server.api.describe import one_of
from server.api.errors import NotSupported
from server.api.errors import Unavailable
from server.api.registry import Routes
from server.api.service import Model
from server.api.service import Service
from server.api.slot_actions import act_on_slot
from server.api.usage import Json
from server.api.wire import json_response
from server.engine.snapshot import Divergence
from server.engine.snapshot import SlotSnapshot
from server.engine.task import Timings
from server.options.keys import Role
from server.schema import CompletionParams
from server.schema import bodies
from server.schema import generation_settings

routes = Routes("slots")

FREE_ONE = Param(
    "fail_on_no_slot", "If it is given and not empty: 503 where no slot is free.", TEXT
)
ID_SLOT = Param("id_slot", "The number of the slot.", INT, place="path", required=True)
ACTION = Param("action", "What to do.", one_of("save", "restore", "erase"), required=True)

routes.post(
    "/slots/<id_slot>",
    takes=bodies.SLOT_FILE,
    gives=answers.SLOT_ACTION,
    params=(ID_SLOT, ACTION),
    role=Role.ADMIN,
)(act_on_slot)


@routes.get("/slots", gives=answers.SLOTS, params=(FREE_ONE,), role=Role.ADMIN)
def list_slots(service: Service) -> Response:
    """All slots; 503 if asked to fail where none is free."""
    if not service.settings.http.endpoint_slots:
        raise NotSupported("This server does not support slots endpoint. Start it with `--slots`")
    slots = service.engine.board.snapshot.slots
    if http.args.get("fail_on_no_slot") and all(slot.is_processing for slot in slots):
        raise Unavailable("no slot available")
    model = service.model()
    return json_response([_slot_json(slot, model) for slot in slots])


def _slot_json(slot: SlotSnapshot, model: Model) -> Json:
    shown: Json = {
        "id": slot.id,
        "n_ctx": slot.n_ctx,
        "speculative": False,
        "is_processing": slot.is_processing,
    }
    task = slot.task
    if task is None:
        return shown
    # the counts of a task that is done are no longer shown
    timings = slot.timings if slot.is_processing else Timings()
    shown |= {
        "id_task": task.id,
        "n_prompt_tokens": slot.n_tokens,
        "n_prompt_tokens_processed": timings.n_prompt_processed,
        "n_prompt_tokens_cache": timings.n_prompt_cached,
    }
    if isinstance(task.params, CompletionParams):
        shown["params"] = generation_settings(task.params, only_metrics=not slot.text)
    shown["next_token"] = [
        {
            "has_next_token": slot.has_next_token,
            "has_new_line": slot.has_new_line and slot.is_processing,
            "n_remain": slot.n_remaining if slot.is_processing else -1,
            "n_decoded": timings.n_decoded,
        }
    ]
    if slot.divergence is not None:
        shown["cache_divergence"] = _divergence_json(slot.divergence)
    if slot.checkpoints:
        shown["checkpoints"] = slot.checkpoints  # not in llama-server
    # the engine shows text only where it was told to, for debugging
    if slot.text:
        shown["prompt"] = model.tokenizer.detokenize(task.prompt.tolist(), special=True)
        shown["generated"] = slot.text
    return shown


def _divergence_json(divergence: Divergence) -> Json:
    """Where the prompt parted from the cached one that was most like it; not in llama-server."""
    return {
        "position": divergence.n_shared,
        "expected_token": divergence.held,
        "token": divergence.wanted,
    }
