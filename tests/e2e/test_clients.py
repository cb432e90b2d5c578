"""Clients that people use, against the real server: the official ones for Node, requests, curl.

The official ones for Python are in test_chat.py and test_anthropic.py. `docs/howto/clients.md` says
what was tried by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e import live
from tests.e2e.live import LiveServer
from tests.e2e.questions import SURE
from tests.e2e.questions import SURE_ANSWER

pytestmark = pytest.mark.model

NODE = live.ROOT / "tests" / "clients" / "node"
INSTALL_S = 120.0
ASK_S = 60.0
QUESTION = [{"role": "user", "content": SURE}]

READ_DESCRIPTION = """
import { readFileSync } from "node:fs";
import { curlOf, fieldsOf, limitsOf, resolved, typeOf } from "./schema.js";
const spec = JSON.parse(readFileSync("openapi.json", "utf8"));
const shown = {};
for (const [path, methods] of Object.entries(spec.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const body = operation.requestBody?.content["application/json"].schema;
    const fields = body ? fieldsOf(resolved(body, spec)) : [];
    fields.forEach((field) => limitsOf(field.schema));
    shown[`${method.toUpperCase()} ${path}`] = {
      curl: curlOf("http://host", path, method, operation),
      fields: fields.map((field) => [field.name, typeOf(field.schema)]),
    };
  }
}
console.log(JSON.stringify(shown));
"""


def command(name: str) -> str:
    """The path of a program; CI must have it."""
    found = shutil.which(name)
    if found is None:
        assert not os.environ.get("CI"), f"{name} is missing: CI must have it"
        pytest.skip(f"{name} is not installed")
    return found


def run(*argv: str | Path, cwd: Path, timeout_s: float) -> str:
    done = subprocess.run(
        list(map(str, argv)), cwd=cwd, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs and the packages that they need, as the lock file has them."""
    npm = command("npm")
    folder = tmp_path_factory.mktemp("node")
    programs = ("client.mjs", "responses.mjs", "anthropic.mjs")
    for name in ("package.json", "package-lock.json", *programs):
        shutil.copy(NODE / name, folder)
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder, timeout_s=INSTALL_S)
    return folder


def test_the_official_client_for_node(demo: LiveServer, node_folder: Path) -> None:
    argv = (command("node"), "client.mjs", f"{demo.url}/v1", SURE)
    printed = run(*argv, cwd=node_folder, timeout_s=ASK_S)
    found: dict[str, Any] = json.loads(printed)
    assert len(found["models"]) == 1
    assert found["streamed"] == found["accumulated"] == found["whole"] == SURE_ANSWER
    assert found["usage"]["completion_tokens"] > 0
    assert found["counted"] == found["usage"]["prompt_tokens"]
    assert found["called"].pop("reason") == "tool_calls"
    assert found["called"].items() <= found["calledInPieces"].items()
    assert found["called"]["name"] == "weather"
    assert json.loads(found["called"]["arguments"])["city"] in ("Oslo", "Paris")
    assert found["answered"]
    assert found["parsed"]["name"] in ("Oslo", "Paris")
    assert isinstance(found["parsed"]["isCapital"], bool)
    assert "Paris" in found["completion"]
    assert found["refused"]["isAPIError"] and found["refused"]["status"] == 400
    assert "top_k" in found["refused"]["message"]
    demo.wait_idle()


def test_responses_of_the_official_client_for_node(demo: LiveServer, node_folder: Path) -> None:
    argv = (command("node"), "responses.mjs", f"{demo.url}/v1", SURE)
    found: dict[str, Any] = json.loads(run(*argv, cwd=node_folder, timeout_s=ASK_S))
    assert found["streamed"] == found["accumulated"] == found["whole"] == SURE_ANSWER
    assert found["call"]["name"] == "weather"
    assert json.loads(found["call"]["arguments"])["city"] in ("Oslo", "Paris")
    assert found["told"]
    assert found["parsed"]["name"] in ("Oslo", "Paris")
    assert found["counted"] == found["usage"]["input_tokens"]
    assert found["cached"] > 0
    assert found["cancelled"] == "cancelled"
    assert found["refused"] == {"isAPIError": True, "status": 400, "param": "max_output_tokens"}
    assert found["missing"] == 404
    demo.wait_idle()


def test_anthropics_client_for_node(demo: LiveServer, node_folder: Path) -> None:
    argv = (command("node"), "anthropic.mjs", demo.url, SURE)
    printed = run(*argv, cwd=node_folder, timeout_s=ASK_S)
    found: dict[str, Any] = json.loads(printed)
    assert found["answer"]["whole"]["content"][0]["text"] == SURE_ANSWER
    for asked in (found["answer"], found["called"]):
        assert without_nulls(asked["streamed"]) == without_nulls(asked["whole"])
    assert found["called"]["whole"]["stop_reason"] == "tool_use"
    assert isinstance(found["called"]["call"]["input"]["city"], str)
    assert found["answered"] == ["text"]
    assert isinstance(found["parsed"]["city"], str)
    assert found["counted"]["input_tokens"] > 0
    assert found["listed"] == [found["retrieved"]]
    assert found["retrieved"]["id"] == found["answer"]["whole"]["model"]
    refused = found["refused"]
    assert (refused["isAPIError"], refused["status"]) == (True, 400)
    assert refused["type"] == "invalid_request_error"
    assert refused["requestID"].startswith("req_")
    demo.wait_idle()


def without_nulls(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if value is not None}


def test_requests_chats_and_streams(demo: LiveServer) -> None:
    body = {"messages": QUESTION, "temperature": 0, "max_tokens": 24}
    with requests.Session() as session:
        url = f"{demo.url}/v1/chat/completions"
        whole = session.post(url, json=body, timeout=ASK_S)
        assert whole.encoding == "utf-8" and SURE_ANSWER in whole.text
        with session.post(url, json=body | {"stream": True}, stream=True, timeout=ASK_S) as reply:
            *lines, last = filter(None, reply.iter_lines(decode_unicode=True))
    assert last == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    pieces = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks]
    assert "".join(pieces) == whole.json()["choices"][0]["message"]["content"]


def test_requests_leaves_a_stream_that_it_closes(demo: LiveServer) -> None:
    body = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}
    with requests.post(f"{demo.url}/completion", json=body, stream=True, timeout=ASK_S) as reply:
        next(reply.iter_lines())
    demo.wait_idle()


def test_curl_reads_every_command_of_the_page(demo: LiveServer, tmp_path: Path) -> None:
    """The commands that /docs shows are those of /openapi.json, with the examples in it."""
    curl = command("curl")
    described = demo.get("/openapi.json").json
    for path, methods in described["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        if "{" in path or not content or path == "/lora-adapters":
            continue
        example = json.dumps(content["application/json"]["example"])
        said = run(
            *(curl, "-sS", "-w", "%{http_code}", "-o", tmp_path / "answer", "-d", example),
            demo.url + path,
            cwd=tmp_path,
            timeout_s=ASK_S,
        )
        # 501: what this server was started without
        assert said in ("200", "501"), (path, said, (tmp_path / "answer").read_text())


def test_the_scripts_of_the_page_read_the_whole_description(
    demo: LiveServer, tmp_path: Path
) -> None:
    node = command("node")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name in ("page.js", "schema.js"):
        (tmp_path / name).write_bytes(demo.get(f"/docs/{name}").body)
        run(node, "--check", tmp_path / name, cwd=tmp_path, timeout_s=ASK_S)
    (tmp_path / "openapi.json").write_bytes(demo.get("/openapi.json").body)
    (tmp_path / "read.js").write_text(READ_DESCRIPTION)
    shown = json.loads(run(node, "read.js", cwd=tmp_path, timeout_s=ASK_S))
    chat = shown["POST /v1/chat/completions"]
    assert chat["curl"].startswith("curl 'http://host/v1/chat/completions' \\\n")
    assert ["messages", "array of object"] in chat["fields"]
    assert ["messages[].content[].text", "string"] in chat["fields"]
    assert ["top_k", "integer"] in chat["fields"]
    assert shown["GET /health"] == {"curl": "curl 'http://host/health'", "fields": []}
    assert "action=save" in shown["POST /slots/{id_slot}"]["curl"]
