"""The built-in page: what is served, as what, to whom."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from server.api.webui import webui_files
from server.engine.mailbox import Status
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.scripted import ScriptedEngine

STATIC = Path(__file__).parents[2] / "static"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/js/main.js", "text/javascript; charset=utf-8"),
        ("/css/colors.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_files_have_their_types_and_the_policy(serve: ServerMaker, path: str, kind: str) -> None:
    client = serve(api_key="k").client
    reply = client.get(path, buffered=True)
    assert (reply.status_code, reply.content_type) == (200, kind)
    policy = reply.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy
    tag = reply.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}, buffered=True).status_code == 304


def test_files_come_packed_to_whom_they_may(serve: ServerMaker) -> None:
    client = serve().client
    plain = client.get("/js/main.js", buffered=True)
    packed = client.get("/js/main.js", headers={"Accept-Encoding": "gzip, br"}, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    refused = client.get("/js/main.js", headers={"Accept-Encoding": "gzip;q=0"}, buffered=True)
    assert refused.data == plain.data
    assert {reply.headers["Vary"] for reply in (plain, packed)} == {"Accept-Encoding"}


def test_the_page_moves_with_the_prefix_and_goes_with_the_option(serve: ServerMaker) -> None:
    assert serve(api_prefix="/llm").client.get("/llm/js/main.js", buffered=True).status_code == 200
    assert_error(serve(no_ui="on").client.get("/js/main.js"), 404, "not_found_error")
    assert_error(serve().client.get("/package.json"), 404, "not_found_error")


def test_the_page_is_there_while_the_model_loads(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]],
) -> None:
    engine, app = scripted()
    engine.show(status=Status.LOADING, info=None, tokenizer=None)
    assert app.test_client().get("/js/main.js", buffered=True).status_code == 200


def test_all_modules_are_announced_to_the_browser() -> None:
    page = (STATIC / "index.html").read_text()
    preloaded = set(re.findall(r'modulepreload" href="(js/[^"]+)"', page))
    modules = {name for name in webui_files() if re.match(r"js/", name)}
    assert preloaded == modules - {"js/main.js", "js/theme.js"}


def test_modules_stay_readable() -> None:
    long = {
        path.name: n
        for path in (STATIC / "js").rglob("*.js")
        if path.name != "strings.js" and (n := len(path.read_text().splitlines())) > 190
    }
    assert long == {}
