"""Routes that tell facts: `/health`, `/v1/models`, `/props`, `/slots`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.engine.snapshot import Counters
from server.engine.snapshot import Snapshot
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import slot_snapshot

PROPS = [
    "default_generation_settings",
    "total_slots",
    "model_alias",
    "model_ftype",
    "model_path",
    "modalities",
    "media_marker",
    "endpoint_slots",
    "endpoint_props",
    "endpoint_metrics",
    "ui",
    "ui_settings",
    "chat_template",
    "chat_template_caps",
    "bos_token",
    "eos_token",
    "build_info",
    "is_sleeping",
    "cors_proxy_enabled",
]


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_is_ok_once_the_model_is_loaded(client: FlaskClient, path: str) -> None:
    assert client.get(path).json == {"status": "ok"}


def test_health_answers_head(client: FlaskClient) -> None:
    reply = client.head("/health")
    assert (reply.status_code, reply.data) == (200, b"")


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
def test_models_lists_the_one_model_in_both_forms(client: FlaskClient, path: str) -> None:
    body = client.get(path).json
    (ollama,), (openai,) = body["models"], body["data"]
    assert (body["object"], ollama["name"], openai["id"]) == ("list", *["/models/fake.gguf"] * 2)
    assert openai["meta"] == {
        "vocab_type": 1,
        "n_vocab": 258,
        "n_ctx": 64,
        "n_ctx_train": 256,
        "n_embd": 8,
        "n_params": 1000,
        "size": 4000,
        "ftype": "F32",
    }


ANTHROPIC = {"anthropic-version": "2023-06-01"}


def test_models_are_listed_in_anthropics_form_to_its_clients(client: FlaskClient) -> None:
    body = client.get("/v1/models", headers=ANTHROPIC).json
    assert body["data"] == [
        {
            "type": "model",
            "id": "/models/fake.gguf",
            "display_name": "/models/fake.gguf",
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": 64,
            "max_tokens": 64,
        }
    ]
    assert (body["has_more"], body["first_id"]) == (False, "/models/fake.gguf")
    one = client.get("/v1/models//models/fake.gguf", headers=ANTHROPIC).json
    assert one == body["data"][0]


def test_the_model_is_found_by_all_of_its_names_and_no_others(serve: ServerMaker) -> None:
    client = serve(alias="zoe,adam/small").client
    listed = client.get("/v1/models").json["data"][0]
    for name in ("zoe", "adam/small"):
        assert client.get(f"/v1/models/{name}").json | {"created": 0} == listed | {"created": 0}
    reply = client.get("/v1/models/eve")
    assert (reply.status_code, reply.json["error"]["type"]) == (404, "not_found_error")
    assert "'eve'" in reply.json["error"]["message"]


def test_the_first_alias_in_the_alphabet_is_the_models_name(serve: ServerMaker) -> None:
    client = serve(alias="zoe,adam", tags="small").client
    (model,) = client.get("/v1/models").json["data"]
    assert (model["id"], model["aliases"], model["tags"]) == ("adam", ["adam", "zoe"], ["small"])
    assert client.get("/props").json["model_alias"] == "adam"
    assert client.post("/completion", json={"prompt": "a", "n_predict": 1}).json["model"] == "adam"


def test_props_has_the_fields_of_the_reference(client: FlaskClient) -> None:
    body = client.get("/props").json
    assert sorted(body) == sorted(PROPS)
    assert body["total_slots"] == 4
    assert body["default_generation_settings"]["n_ctx"] == 64
    assert body["default_generation_settings"]["params"]["n_predict"] == -1
    assert body["chat_template_caps"]["supports_system_role"] is True


def test_props_shows_the_sampling_that_the_server_was_started_with(serve: ServerMaker) -> None:
    body = serve(temp="0.5", top_k="7").client.get("/props").json
    params = body["default_generation_settings"]["params"]
    assert (params["temperature"], params["top_k"]) == (0.5, 7)


def test_the_models_own_sampling_is_the_default_where_the_operator_says_nothing(
    serve: ServerMaker,
) -> None:
    metadata = {"general.sampling.temp": "0.300000", "general.sampling.top_k": "5"}
    client = serve(info={"metadata": metadata}, top_k="9").client
    shown = client.get("/props").json["default_generation_settings"]["params"]
    assert (round(shown["temperature"], 6), shown["top_k"]) == (0.3, 9)
    body = {"prompt": "a", "n_predict": 1}
    settings = client.post("/completion", json=body).json["generation_settings"]
    assert (round(settings["temperature"], 6), settings["top_k"]) == (0.3, 9)


def test_props_shows_the_template_for_tools_if_there_is_one(serve: ServerMaker) -> None:
    body = serve(info={"chat_template_tool_use": "tools!"}).client.get("/props").json
    assert body["chat_template_tool_use"] == "tools!"


def test_props_can_be_posted_where_that_was_asked_for(serve: ServerMaker) -> None:
    reply = serve(props="on").client.post("/props", json={})
    assert (reply.status_code, reply.json) == (200, {"success": True})


def test_slots_shows_each_slot_and_its_last_request(client: FlaskClient) -> None:
    body = {"prompt": "hi", "n_predict": 2, "seed": 5, "id_slot": 1}
    assert client.post("/completion", json=body).status_code == 200
    slots = client.get("/slots").json
    assert [slot["id"] for slot in slots] == [0, 1, 2, 3]
    assert slots[0] == {"id": 0, "n_ctx": 64, "speculative": False, "is_processing": False}
    used = slots[1]
    assert list(used) == [
        "id",
        "n_ctx",
        "speculative",
        "is_processing",
        "id_task",
        "n_prompt_tokens",
        "n_prompt_tokens_processed",
        "n_prompt_tokens_cache",
        "params",
        "next_token",
    ]
    assert used["params"]["seed"] == 5
    assert used["next_token"][0]["n_decoded"] == 0


def test_slots_shows_counts_while_a_request_runs(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]],
) -> None:
    engine, app = scripted()
    slot = slot_snapshot(is_processing=True, n_decoded=3, text="abc")
    engine.show(snapshot=Snapshot((slot,), 0, Counters()))
    (shown,) = app.test_client().get("/slots").json
    assert shown["next_token"][0]["n_decoded"] == 3
    assert (shown["prompt"], shown["generated"]) == ("hi", "abc")


def test_slots_shows_no_new_line_of_a_request_that_is_done(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]],
) -> None:
    engine, app = scripted()
    for is_processing in (True, False):
        slot = replace(slot_snapshot(is_processing=is_processing), has_new_line=True)
        engine.show(snapshot=Snapshot((slot,), 0, Counters()))
        (shown,) = app.test_client().get("/slots").json
        assert shown["next_token"][0]["has_new_line"] is is_processing


def test_slots_can_be_asked_to_fail_where_none_is_free(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]],
) -> None:
    engine, app = scripted()
    client = app.test_client()
    free, busy = slot_snapshot(is_processing=False), slot_snapshot(is_processing=True)
    engine.show(snapshot=Snapshot((free, busy), 0, Counters()))
    assert client.get("/slots?fail_on_no_slot=1").status_code == 200
    engine.show(snapshot=Snapshot((busy, busy), 0, Counters()))
    assert client.get("/slots").status_code == 200
    reply = client.get("/slots?fail_on_no_slot=1")
    # word for word what llama-server was seen to say
    assert assert_error(reply, 503, "unavailable_error") == "no slot available"


def test_slots_can_be_switched_off(serve: ServerMaker) -> None:
    reply = serve(no_slots="on").client.get("/slots")
    assert "--slots" in assert_error(reply, 501, "not_supported_error")
