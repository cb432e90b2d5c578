"""Responses that are kept, conversations that go on, and what runs without its client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from server.engine.task import StopType
from tests.api.conftest import settings_of
from tests.api.replies import parts
from tests.api.responses.asking import URL
from tests.api.responses.asking import Scripted
from tests.api.responses.asking import events
from tests.api.responses.asking import read
from tests.api.responses.full_disk import full_disk
from tests.api.scripted import finished
from tests.api.scripted import token
from tests.api.test_chat_tools import TEMPLATE


def test_a_conversation_goes_on(says: Scripted) -> None:
    first = read(says.post("Hello.", input="Hi", instructions="Be brief."))
    second = read(says.post("Fine.", input="How are you?", previous_response_id=first["id"]))
    prompt = says.prompt(input="Bye", previous_response_id=second["id"])
    said = [
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "How are you?"),
        ("assistant", "Fine."),
        ("user", "Bye"),
    ]
    assert prompt == "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in said) + (
        "<|im_start|>assistant\n"
    )
    listed = orjson.loads(says.client.get(f"{URL}/{second['id']}/input_items?order=asc").data)
    assert [item["role"] for item in listed["data"]] == ["user", "assistant", "user"]
    assert listed["first_id"] == listed["data"][0]["id"] and not listed["has_more"]


def test_input_items_come_in_pages(says: Scripted) -> None:
    given = [{"role": "user", "content": str(i)} for i in range(5)]
    url = f"{URL}/{read(says.post('Hi', input=given))['id']}/input_items"
    page = orjson.loads(says.client.get(f"{url}?limit=2").data)
    assert [item["content"][0]["text"] for item in page["data"]] == ["4", "3"]
    assert page["has_more"]
    after = page["last_id"]
    page = orjson.loads(says.client.get(f"{url}?after={after}").data)
    assert [item["content"][0]["text"] for item in page["data"]] == ["2", "1", "0"]
    for query in ("limit=0", "limit=x", "order=up", "after=msg_no"):
        assert says.client.get(f"{url}?{query}").status_code == 400


def test_items_can_be_referred_to(says: Scripted) -> None:
    message = read(says.post("Hello."))["output"][0]
    reference = {"type": "item_reference", "id": message["id"]}
    prompt = says.prompt(
        input=[{"role": "user", "content": "a"}, reference, {"role": "user", "content": "b"}]
    )
    assert "assistant\nHello.<|im_end|>" in prompt


def test_a_response_is_got_again_and_deleted(says: Scripted) -> None:
    found = read(says.post("Hello.", metadata={"a": "b"}))
    url = f"{URL}/{found['id']}"
    again = read(says.client.get(url))
    found.pop("timings")
    assert again == found
    gone = orjson.loads(says.client.delete(url).data)
    assert gone == {"id": found["id"], "object": "response", "deleted": True}
    assert says.client.get(url).status_code == 404
    assert says.client.delete(url).status_code == 404
    reply = says.client.post(URL, json={"input": "x", "previous_response_id": found["id"]})
    assert orjson.loads(reply.data)["error"]["param"] == "previous_response_id"


def test_what_is_not_to_be_stored_is_not(says: Scripted) -> None:
    found = read(says.post("Hello.", store=False))
    assert found["store"] is False
    assert says.client.get(f"{URL}/{found['id']}").status_code == 404


def test_nothing_is_stored_where_the_store_is_off(scripted: Any) -> None:
    says = Scripted(*scripted(chat_template=TEMPLATE, responses_store_mib="0"))
    found = read(says.post("Hello."))
    assert found["store"] is False
    assert says.client.get(f"{URL}/{found['id']}").status_code == 404
    assert says.client.post(URL, json={"input": "x", "background": True}).status_code == 400


def test_a_streamed_response_is_stored_before_its_client_knows_it(says: Scripted) -> None:
    last = events(says.post("Hel", "lo.", stream=True))[-1]["response"]
    assert read(says.client.get(f"{URL}/{last['id']}")) == last


def test_responses_belong_to_the_key_that_asked(scripted: Any) -> None:
    says = Scripted(*scripted(chat_template=TEMPLATE, api_key="mine,yours"))
    mine, yours = ({"Authorization": f"Bearer {key}"} for key in ("mine", "yours"))
    with says.engine.answering(lambda task: [finished(task, "Hello.", stop_type=StopType.EOS)]):
        found = read(says.client.post(URL, json={"input": "hi"}, headers=mine))
    url = f"{URL}/{found['id']}"
    assert says.client.get(url, headers=mine).status_code == 200
    for method, path in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")):
        reply = says.client.open(url + path, method=method, headers=yours)
        assert reply.status_code == 404, (method, path)
    reference = [{"type": "item_reference", "id": found["output"][0]["id"]}]
    for body in ({"input": "x", "previous_response_id": found["id"]}, {"input": reference}):
        assert says.client.post(URL, json=body, headers=yours).status_code == 400


# the background


def test_what_runs_in_the_background_is_polled(says: Scripted) -> None:
    begun = read(says.client.post(URL, json={"input": "hi", "background": True}))
    assert (begun["status"], begun["background"], begun["output"]) == ("queued", True, [])
    (task,) = says.engine.tasks()
    url = f"{URL}/{begun['id']}"
    assert read(says.client.get(url))["status"] in ("queued", "in_progress")
    reply = says.client.post(URL, json={"input": "x", "previous_response_id": begun["id"]})
    assert "not done yet" in orjson.loads(reply.data)["error"]["message"]
    says.engine.say(token(task, "Hello."), finished(task, "", stop_type=StopType.EOS))
    found = events(says.client.get(f"{url}?stream=true"))
    assert [event["type"] for event in found[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    done = read(says.client.get(url))
    assert done == found[-1]["response"]
    assert (done["status"], done["output"][0]["content"][0]["text"]) == ("completed", "Hello.")


def test_the_events_of_the_background_are_read_from_any_place(says: Scripted) -> None:
    body = {"input": "hi", "background": True, "stream": True}

    def answer(task: Any) -> list[Any]:
        return [token(task, "Hel"), token(task, "lo."), finished(task, "", stop_type=StopType.EOS)]

    with says.engine.answering(answer):
        found = events(says.client.post(URL, json=body))
    response_id = found[0]["response"]["id"]
    for n in (0, 3, len(found) - 1):
        reply = says.client.get(f"{URL}/{response_id}?stream=true&starting_after={n}")
        blocks = parts(reply.data) if reply.data else []
        rest = [orjson.loads(block.split(b"\ndata: ")[1]) for block in blocks]
        assert rest == found[n + 1 :]
    reply = says.client.get(f"{URL}/{response_id}?stream=true&starting_after=x")
    assert reply.status_code == 400


def test_what_runs_in_the_background_is_cancelled(says: Scripted) -> None:
    begun = read(says.client.post(URL, json={"input": "hi", "background": True}))
    (task,) = says.engine.tasks()
    says.engine.say(token(task, "Hel"))
    url = f"{URL}/{begun['id']}"
    cancelled = read(says.client.post(f"{url}/cancel"))
    assert says.engine.cancelled() == (task.id,)
    assert cancelled["status"] == "cancelled"
    assert read(says.client.get(url)) == cancelled == read(says.client.post(f"{url}/cancel"))


def test_a_run_that_is_deleted_ends(says: Scripted) -> None:
    begun = read(says.client.post(URL, json={"input": "hi", "background": True}))
    (task,) = says.engine.tasks()
    assert says.client.delete(f"{URL}/{begun['id']}").status_code == 200
    assert says.engine.cancelled() == (task.id,)
    assert says.client.get(f"{URL}/{begun['id']}").status_code == 404


def test_only_the_background_can_be_cancelled(says: Scripted) -> None:
    found = read(says.post("Hello."))
    assert says.client.post(f"{URL}/{found['id']}/cancel").status_code == 400
    assert says.client.post(f"{URL}/resp_no/cancel").status_code == 404


def test_what_a_restart_cut_off_has_failed(scripted: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "store.db")
    says = Scripted(*scripted(chat_template=TEMPLATE, responses_store=path))
    done = read(says.post("Hello."))
    begun = read(says.client.post(URL, json={"input": "hi", "background": True}))
    again = Scripted(*scripted(chat_template=TEMPLATE, responses_store=path))
    found = read(again.client.get(f"{URL}/{begun['id']}"))
    assert (found["status"], found["error"]["code"]) == ("failed", "server_error")
    assert "assistant\nHello." in again.prompt(previous_response_id=done["id"])


def test_a_full_disk_takes_no_answer_away_and_says_what_it_could_not_keep(
    scripted: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    says = Scripted(*scripted(chat_template=TEMPLATE, responses_store=str(tmp_path / "store.db")))
    kept = read(says.post("Hello.", input="Hi"))
    body = {"input": "hi", "prompt_cache_key": "x" * 50_000}
    with full_disk(tmp_path):
        lost = read(says.post("Well.", previous_response_id=kept["id"], **body))
        assert (lost["store"], lost["output"][0]["content"][0]["text"]) == (False, "Well.")
        assert "is not kept: --responses-store" in caplog.text
        streamed = events(says.post("We", "ll.", stream=True, **body))
        assert streamed[0]["response"]["store"] and not streamed[-1]["response"]["store"]
        reply = says.client.post(URL, json=body | {"background": True})
        assert (reply.status_code, "background" in reply.text) == (503, True)
        (task,) = says.engine.tasks()
        assert says.engine.cancelled() == (task.id,)
        reply = says.client.delete(f"{URL}/{kept['id']}")
        assert (reply.status_code, "--responses-store" in reply.text) == (503, True)
        assert read(says.client.get(f"{URL}/{kept['id']}"))["store"]
    assert says.client.get(f"{URL}/{lost['id']}").status_code == 404
    assert says.client.delete(f"{URL}/{kept['id']}").status_code == 200


def test_what_ran_in_the_background_and_found_no_room_has_failed(
    scripted: Any, tmp_path: Path
) -> None:
    says = Scripted(*scripted(chat_template=TEMPLATE, responses_store=str(tmp_path / "store.db")))
    begun = read(says.client.post(URL, json={"input": "hi", "background": True}))
    (task,) = says.engine.tasks()
    url = f"{URL}/{begun['id']}"
    with full_disk(tmp_path):
        says.engine.say(token(task, "Hello." * 9000), finished(task, "", stop_type=StopType.EOS))
        found = events(says.client.get(f"{url}?stream=true"))
    assert (found[-1]["type"], found[-1]["response"]["store"]) == ("response.completed", False)
    again = read(says.client.get(url))
    assert (again["status"], again["error"]["code"]) == ("failed", "server_error")
    assert "no room" in again["error"]["message"]


def test_settings_know_the_store() -> None:
    kept = settings_of(responses_store="/tmp/x.db", responses_store_days="2").responses
    assert (kept.responses_store, kept.responses_store_mib, kept.responses_store_days) == (
        "/tmp/x.db",
        128,
        2,
    )
