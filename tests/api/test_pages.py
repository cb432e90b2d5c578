"""`--path`: which files are served, as what, and which are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.engine.mailbox import Status
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.scripted import ScriptedEngine

Scripted = Callable[..., tuple[ScriptedEngine, Flask]]

FILES = {
    "index.html": "<h1>mine</h1>",
    "app/index.html": "<h1>inner</h1>",
    "app/main.js": "export {};",
    "style.css": "h1 {}",
    "data.json": "{}",
    "health": "a file of this name",
    ".env": "SECRET=1",
    ".git/config": "secret",
    ".well-known/security.txt": "Contact: me",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with files, and a secret beside it."""
    root = tmp_path / "page"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "page2").mkdir()
    (tmp_path / "page2" / "secret").write_text("secret")
    return root


@pytest.fixture
def page(serve: ServerMaker, folder: Path) -> FlaskClient:
    """A client of a server with these files."""
    return serve(path=str(folder)).client


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    """GET; the file is read and closed. Headers have underscores for their dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=named, buffered=True)


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/index.html", "index.html", "text/html; charset=utf-8"),
        ("/app/", "app/index.html", "text/html; charset=utf-8"),
        ("/app/main.js", "app/main.js", "text/javascript; charset=utf-8"),
        ("/style.css", "style.css", "text/css; charset=utf-8"),
        ("/data.json", "data.json", "application/json"),
        ("/.well-known/security.txt", ".well-known/security.txt", "text/plain; charset=utf-8"),
    ],
)
def test_a_file_is_served_with_its_type(page: FlaskClient, path: str, name: str, kind: str) -> None:
    reply = get(page, path)
    assert (reply.status_code, reply.text, reply.content_type) == (200, FILES[name], kind)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_routes_go_before_files(page: FlaskClient) -> None:
    assert get(page, "/health").json == {"status": "ok"}


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/app/../../secret",
        "/../page2/secret",
        "/app/..%5c..%5csecret",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/index.html%00.js",
        "/.env",
        "/.git/config",
        "/app/.",
        "/nothing",
        "/index.html/",
    ],
)
def test_what_is_no_file_below_the_directory_is_not_found(page: FlaskClient, path: str) -> None:
    reply = get(page, path)
    assert "secret" not in reply.text.lower()
    assert_error(reply, 404, "not_found_error")


def test_a_directory_is_led_to_its_slash(page: FlaskClient) -> None:
    reply = get(page, "/app?x=1")
    assert (reply.status_code, reply.headers["Location"]) == (301, "./app/")


def test_a_file_that_has_not_changed_is_not_sent_again(page: FlaskClient) -> None:
    tag = get(page, "/style.css").headers["ETag"]
    assert get(page, "/style.css", If_None_Match=tag).status_code == 304


def test_a_part_of_a_file_can_be_asked_for(page: FlaskClient) -> None:
    reply = get(page, "/style.css", Range="bytes=0-1")
    assert (reply.status_code, reply.data) == (206, b"h1")


@pytest.mark.parametrize("path", ["/style.css", "/nothing"])
def test_files_can_only_be_read(page: FlaskClient, path: str) -> None:
    assert_error(page.post(path, json={}), 404, "not_found_error")


def test_files_lie_under_the_prefix(serve: ServerMaker, folder: Path) -> None:
    client = serve(path=str(folder), api_prefix="/llm").client
    assert get(client, "/llm/style.css").text == FILES["style.css"]
    assert get(client, "/llm/").text == FILES["index.html"]
    assert get(client, "/style.css").status_code == 404


def test_the_page_needs_no_key_but_what_lies_beside_it_does(
    serve: ServerMaker, folder: Path
) -> None:
    client = serve(path=str(folder), api_key="k").client
    assert get(client, "/").status_code == 200
    assert get(client, "/style.css").status_code == 401
    assert get(client, "/style.css", X_Api_Key="k").status_code == 200


def test_the_page_is_there_while_the_model_loads(scripted: Scripted, folder: Path) -> None:
    engine, app = scripted(path=str(folder))
    engine.show(status=Status.LOADING, info=None, tokenizer=None)
    client = app.test_client()
    assert get(client, "/").text == FILES["index.html"]
    assert get(client, "/style.css").status_code == 503


@pytest.mark.parametrize("path", ["/", "/style.css"])
def test_without_a_page_there_are_no_files(serve: ServerMaker, folder: Path, path: str) -> None:
    client = serve(path=str(folder), no_ui="on").client
    assert_error(get(client, path), 404, "not_found_error")


def test_the_worker_of_llama_servers_page_is_taken_back(serve: ServerMaker, folder: Path) -> None:
    assert "unregister" in get(serve().client, "/sw.js").text
    assert "unregister" in get(serve(path=str(folder)).client, "/sw.js").text
    (folder / "sw.js").write_text("mine")
    assert get(serve(path=str(folder)).client, "/sw.js").text == "mine"


def test_props_tell_the_page_its_settings(serve: ServerMaker, folder: Path) -> None:
    client = serve(path=str(folder), webui_config='{"theme": "dark"}').client
    props = get(client, "/props").json
    assert props is not None
    assert (props["ui"], props["ui_settings"]) == (True, {"theme": "dark"})
