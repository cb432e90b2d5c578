"""A disk that is full, files that are damaged, a model that is replaced while it is served.

The limit on the size of files is the kernel's: writing beyond it fails as on a full disk.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import live
from tests.e2e import models
from tests.e2e import wire
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.live import server_command
from tests.e2e.processes import descendants
from tests.e2e.processes import wait_until
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model

pytestmark = pytest.mark.model

SHORT = "Once upon a time"
LONG = "once upon a time " * 60
LIMIT_KIB = 128
ENOUGH = 400
"""So many requests write more than LIMIT_KIB."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the full server's files are."""
    return tmp_path_factory.mktemp("full")


@pytest.fixture(scope="module")
def full(tiny_path: Path, folder: Path) -> Iterator[LiveServer]:
    """A server none of whose files can grow beyond LIMIT_KIB; what it says goes through a pipe."""
    script = f'exec > >(cat) 2>&1; ulimit -f {LIMIT_KIB}; exec "$@"'
    files = ("--slot-save-path", folder, "--responses-store", folder / "responses.db")
    size = ("-np", "2", "-c", "4096", *ONE_THREAD, "--log-file", folder / "log.txt", "-lv", "5")
    server = live.start(
        ["-m", tiny_path, *size, *files],
        folder / "log",
        command=("bash", "-c", script, "full", *server_command()),
    )
    yield server
    try:
        assert server.stop() == 0
    finally:
        server.kill()


def act(server: LiveServer, action: str, name: str) -> wire.Reply:
    return server.post(f"/slots/0?action={action}", {"filename": name})


def complete(server: LiveServer, prompt: str) -> wire.Reply:
    return server.post("/completion", {"prompt": prompt, "n_predict": 2, "id_slot": 0})


def test_a_slot_that_does_not_fit_on_the_disk_loses_nothing(full: LiveServer, folder: Path) -> None:
    complete(full, SHORT)
    n_saved = act(full, "save", "a").json["n_saved"]
    held = complete(full, LONG).json["tokens_cached"]
    refused = act(full, "save", "a")
    message = assert_error_body(refused.json, 500, "server_error")
    assert message.startswith("Unable to save slot: filename: a could not be written: File too la")
    assert not list(folder.glob(".*.tmp"))
    # what the slot held is there, and so is the older file
    assert complete(full, LONG).json["timings"]["cache_n"] >= held - 3
    assert act(full, "restore", "a").json["n_restored"] == n_saved


def test_responses_and_log_lines_that_find_no_room_hurt_no_answer(
    full: LiveServer, folder: Path
) -> None:
    body = {"input": "Once", "max_output_tokens": 1}
    first = full.post("/v1/responses", body).json["id"]
    for _ in range(ENOUGH):
        reply = full.post("/v1/responses", body | {"input": SHORT * 20})
        assert reply.status == 200
        if "lines are lost" in full.log and "is not kept" in full.log:
            break
    assert full.get(f"/v1/responses/{first}").json["id"] == first
    assert re.search(r"response resp_\w+ is not kept: ", full.log)
    assert full.log.count("--log-file: lines are lost: File too large") == 1
    assert "Traceback" not in full.log


def test_a_damaged_slot_file_is_refused(full: LiveServer, folder: Path) -> None:
    complete(full, SHORT)
    act(full, "save", "b")
    data = bytearray((folder / "b").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "b").write_bytes(data)
    message = assert_error_body(act(full, "restore", "b").json, 400, "invalid_request_error")
    assert message.endswith("filename: b is damaged: its checksum is wrong")


def test_a_damaged_store_of_responses_is_one_sentence(
    start: Starter, tiny_path: Path, tmp_path: Path
) -> None:
    store = tmp_path / "responses.db"
    store.write_bytes(b"no database " * 1000)
    server = start("-m", tiny_path, "--responses-store", store, ready=False)
    assert server.wait_exit() == 1
    assert f"{store}: can't be used as a store of responses: file is not a database" in server.log
    assert "Traceback" not in server.log


def test_a_model_that_is_replaced_is_served_on_as_it_was(start: Starter, tmp_path: Path) -> None:
    path, other = models.tiny(tmp_path / "model.gguf"), tmp_path / "other.gguf"
    build_tiny_model(other, TinySpec(n_ctx=65536, chat_template=CHATML, seed=5))
    server = start("-m", path, "-np", "1", "-c", "1024", *ONE_THREAD, "--slot-save-path", tmp_path)
    body = {"prompt": SHORT, "n_predict": 8, "temperature": 0, "cache_prompt": False}
    before = server.post("/completion", body).json["content"]
    shutil.move(other, path)
    assert server.post("/completion", body).json["content"] == before
    # what is saved now is of the model that is loaded
    act(server, "save", "a")
    assert act(server, "restore", "a").status == 200
    (worker,) = descendants(server.pid)
    os.kill(worker, signal.SIGKILL)  # the next one loads what is there then
    wait_until("another worker", lambda: worker not in descendants(server.pid))
    wait_until("it is ready", lambda: server.get("/health").status == 200, 30)
    assert server.post("/completion", body).json["content"] != before
    message = assert_error_body(act(server, "restore", "a").json, 400, "invalid_request_error")
    assert message.endswith("a was saved by another model; restore it with that one")
    assert server.stop() == 0
