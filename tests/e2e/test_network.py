"""Where a server listens and how it is reached, by real clients: requests, curl, a browser's way.

One server has it all at once: HTTPS, two addresses, a UNIX socket, a prefix, a page, keys in a
file, and Vertex AI's routes.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from tests.e2e import live
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.processes import descendants
from tests.e2e.processes import free_port
from tests.e2e.processes import wait_until
from tests.e2e.secure import HOSTS
from tests.e2e.secure import KEY
from tests.e2e.secure import TIMEOUT_S
from tests.e2e.secure import Secure
from tests.e2e.secure import is_ready
from tests.e2e.secure import write_files

pytestmark = pytest.mark.model

BODY: dict[str, Any] = {"prompt": "Once", "n_predict": 4}
ENDLESS = BODY | {"n_predict": -1, "ignore_eos": True, "stream": True}


@pytest.fixture(scope="module")
def secure(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """The server that has it all."""
    folder = tmp_path_factory.mktemp("secure")
    write_files(folder)
    port = free_port()
    hosts = ",".join([*HOSTS, str(folder / "llm.sock")])
    argv = [
        *live.server_command(),
        *("-m", str(tiny_path), *ONE_THREAD, "-lv", "5"),
        *("--host", hosts, "--port", str(port), "--api-prefix", "/llm/"),
        *("--ssl-key-file", str(folder / "key.pem")),
        *("--ssl-cert-file", str(folder / "cert.pem")),
        *("--api-key-file", str(folder / "keys"), "--path", str(folder / "page")),
    ]
    vertex = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": str(port), "AIP_HEALTH_ROUTE": "alive"}
    environment = {**vertex, "LLAMA_API_KEY": "third"}
    secure = Secure(None, port, folder)  # type: ignore[arg-type]
    secure.certify(trustme.CA())
    secure.server = live.start_command(
        argv, port, folder / "log", environment=environment, ready=False
    )
    try:
        wait_until("it is ready", lambda: is_ready(secure), live.START_TIMEOUT_S)
        yield secure
        assert secure.server.stop() == 0
    finally:
        secure.server.kill()


def curl(*words: str) -> str:
    """What curl prints; its exit code must be 0."""
    done = subprocess.run(
        ["curl", "-sS", *words], capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# HTTPS


@pytest.mark.parametrize("host", HOSTS)
def test_requests_speaks_https_with_every_address(secure: Secure, host: str) -> None:
    assert secure.get("/health", host).json() == {"status": "ok"}


def test_an_answer_and_a_stream_come_over_https(secure: Secure) -> None:
    assert secure.post("/completion", BODY).json()["tokens_predicted"] == 4
    with secure.post("/completion", BODY | {"stream": True}, stream=True) as reply:
        events = [json.loads(line[6:]) for line in reply.iter_lines() if line]
    assert len(events) == 5
    assert events[-1]["stop"] is True


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
def test_curl_speaks_https(secure: Secure, version: str) -> None:
    body = json.dumps(BODY | {"stream": True})
    words = (version, "--cacert", secure.authority, "-H", "x-api-key: second", "-d", body)
    assert curl(*words, secure.url("/completion")).count("data: ") == 5


def test_a_client_that_does_not_know_the_authority_hangs_up(secure: Secure) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(secure.url("/health"), timeout=TIMEOUT_S)


@pytest.mark.parametrize("sent", [b"GET /llm/health HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"\x16\x03"])
def test_who_speaks_no_tls_is_sent_away_and_harms_nobody(secure: Secure, sent: bytes) -> None:
    received = b""
    client = socket.create_connection((HOSTS[0], secure.port), timeout=TIMEOUT_S)
    # the server may close before everything is said
    with client, contextlib.suppress(OSError):
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(4096):
            received += piece
    assert b"HTTP" not in received
    assert secure.get("/health").status_code == 200
    assert "Traceback" not in secure.server.log


def test_a_client_that_vanishes_from_a_stream_frees_its_slot(secure: Secure) -> None:
    with secure.post("/completion", ENDLESS, stream=True) as reply:
        lines = reply.iter_lines()
        assert next(lines)
        assert busy(secure) == 1
    wait_until("the slot is free", lambda: busy(secure) == 0)


def busy(secure: Secure) -> int:
    return sum(slot["is_processing"] for slot in secure.get("/slots", **KEY).json())


def test_old_versions_of_tls_are_refused(secure: Secure) -> None:
    context = ssl.create_default_context(cafile=secure.authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    address = (HOSTS[0], secure.port)
    with (
        socket.create_connection(address, timeout=TIMEOUT_S) as client,
        pytest.raises(OSError, match=r"(?i)protocol|alert|version"),
    ):
        context.wrap_socket(client, server_hostname=HOSTS[0])


# a UNIX socket, a prefix, CORS, files


def test_curl_reaches_the_unix_socket(secure: Secure) -> None:
    path = str(secure.folder / "llm.sock")
    words = ("--unix-socket", path, "--cacert", secure.authority)
    assert json.loads(curl(*words, "https://localhost/llm/health")) == {"status": "ok"}


def test_everything_lies_under_the_prefix(secure: Secure) -> None:
    reply = requests.get(
        f"https://{HOSTS[0]}:{secure.port}/v1/models",
        headers=KEY,
        verify=secure.authority,
        timeout=TIMEOUT_S,
    )
    assert (reply.status_code, reply.json()["error"]["type"]) == (404, "not_found_error")
    assert secure.get("/v1/models", **KEY).status_code == 200


def test_a_browser_may_ask_after_its_preflight(secure: Secure) -> None:
    origin = "https://page.example"
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    reply = requests.options(
        secure.url("/completion"), headers=asked, verify=secure.authority, timeout=TIMEOUT_S
    )
    allowed = {
        name.removeprefix("Access-Control-Allow-"): value
        for name, value in reply.headers.items()
        if name.startswith("Access-Control-Allow-")
    }
    assert (reply.status_code, reply.content) == (200, b"")
    assert allowed == {
        "Origin": origin,
        "Credentials": "true",
        "Methods": "GET, POST, DELETE, OPTIONS",
        "Headers": "*",
    }
    answer = secure.post("/completion", BODY, headers={**KEY, "Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_files_are_served_whole_and_in_parts(secure: Secure) -> None:
    size = (secure.folder / "page" / "big.js").stat().st_size
    assert secure.get("/").text == "<h1>mine</h1>"
    whole = secure.get("/big.js", **KEY)
    assert (len(whole.content), whole.headers["Content-Length"]) == (size, str(size))
    part = secure.get("/big.js", Range="bytes=3-6", **KEY)
    assert (part.status_code, part.text) == (206, "long")
    head = requests.head(
        secure.url("/big.js"), headers=KEY, verify=secure.authority, timeout=TIMEOUT_S
    )
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(size))


@pytest.mark.parametrize("path", ["/../keys", "/..%2fkeys", "/%2e%2e/keys", "//../keys"])
def test_curl_can_not_climb_out_of_the_files(secure: Secure, path: str) -> None:
    words = ("--path-as-is", "--cacert", secure.authority, "-H", "x-api-key: first")
    assert json.loads(curl(*words, secure.url(path)))["error"]["code"] == 404


# Vertex AI


def test_vertex_ai_asks_many_things_at_once(secure: Secure) -> None:
    instances = [
        {"@requestFormat": "completions", "prompt": "Once", "max_tokens": n} for n in (1, 2)
    ]
    reply = secure.post("/predict", {"instances": [*instances, {"@requestFormat": "none"}]})
    first, second, wrong = reply.json()["predictions"]
    assert [each["usage"]["completion_tokens"] for each in (first, second)] == [1, 2]
    assert wrong["error"]["code"] == 400
    assert secure.get("/alive", **KEY).json() == {"status": "ok"}


def test_parts_of_a_client_of_vertex_ai_that_vanishes_free_their_slots(secure: Secure) -> None:
    instance = {"@requestFormat": "/completion", **ENDLESS, "stream": False}

    def ask_and_give_up() -> None:
        with contextlib.suppress(requests.Timeout):
            secure.post("/predict", {"instances": [instance] * 3}, timeout=1)

    client = threading.Thread(target=ask_and_give_up)
    client.start()
    wait_until("three slots are busy", lambda: busy(secure) == 3)
    client.join()
    wait_until("the slots are free", lambda: busy(secure) == 0)


# keys and certificates that change, and what is said of them


@pytest.mark.parametrize("key", ["first", "second", "third"])
def test_keys_of_files_and_variables_open(secure: Secure, key: str) -> None:
    assert secure.get("/props", **{"x-api-key": key}).status_code == 200


def test_sighup_reads_keys_and_certificate_again_and_keeps_the_model(secure: Secure) -> None:
    workers, serial = descendants(secure.server.pid), secure.serial()
    before = secure.keys.read_text()
    secure.keys.write_text("fourth\nfirst\n")
    secure.certify(trustme.CA())
    with pytest.raises(requests.exceptions.SSLError):
        secure.get("/health")
    secure.server.signal(signal.SIGHUP)
    wait_until("another certificate", lambda: secure.serial() != serial)
    replies = {
        key: secure.get("/props", **{"x-api-key": key}).status_code
        for key in ("first", "second", "third", "fourth")
    }
    assert replies == {"first": 200, "second": 401, "third": 200, "fourth": 200}
    assert descendants(secure.server.pid) == workers
    secure.keys.write_text(before)
    secure.server.signal(signal.SIGHUP)
    second = {"x-api-key": "second"}
    wait_until("the keys of before", lambda: secure.get("/props", **second).status_code == 200)


def test_sighup_with_files_that_are_none_changes_nothing(secure: Secure) -> None:
    text, before = secure.keys.read_text(), len(secure.server.log)
    secure.keys.write_text("\n")
    secure.server.signal(signal.SIGHUP)
    wait_until("it says so", lambda: "SIGHUP: --api-key-file" in secure.server.log[before:])
    assert secure.get("/props", **KEY).status_code == 200
    assert secure.get("/props").status_code == 401
    secure.keys.write_text(text)


def test_sighup_with_another_certificates_key_changes_nothing(secure: Secure) -> None:
    path, before = secure.folder / "key.pem", len(secure.server.log)
    text, serial = path.read_text(), secure.serial()
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(path))
    secure.server.signal(signal.SIGHUP)
    wait_until("it says so", lambda: "SIGHUP: --ssl-cert-file" in secure.server.log[before:])
    assert secure.serial() == serial
    assert secure.get("/health").status_code == 200
    path.write_text(text)


def test_no_key_is_ever_said(secure: Secure) -> None:
    keys = ("first", "second", "third", "fourth", "wrongkey")
    secure.get("/props", Authorization="Bearer wrongkey")
    said = [secure.server.log, *(secure.get(path, **KEY).text for path in ("/props", "/slots"))]
    assert "D gunicorn" in secure.server.log  # everything is logged
    assert [key for key in keys for text in said if key in text] == []


# two programs on one port


def test_two_programs_can_share_a_port(start: Starter, tiny_path: Path) -> None:
    port = free_port()
    args = ("-m", tiny_path, *ONE_THREAD, "--reuse-port")
    servers = [start(*args, port=port) for _ in range(2)]
    wait_until("both answer", lambda: all("listening" in server.log for server in servers))
    assert servers[0].stop() == 0
    assert servers[1].get("/health").json == {"status": "ok"}
    assert servers[1].stop() == 0
