"""Before the routes: keys, origins, the state of the engine, prefixes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from server.api import auth
from server.app import DIALECTS
from server.app import all_routes
from server.app import reload_keys
from server.engine.mailbox import Status
from server.errors import OptionError
from server.options.keys import ApiKey
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.scripted import ScriptedEngine

ORIGIN = {"Origin": "https://example.org"}
LOCAL = {"Origin": "http://localhost:3000"}
Scripted = Callable[..., tuple[ScriptedEngine, Flask]]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer second"},
        {"Authorization": "second"},
        {"X-Api-Key": "first"},
        {"X-Api-Key": "Bearer first"},
        {"Authorization": "Bearer schlüssel".encode().decode("latin-1")},
    ],
)
def test_any_of_the_keys_opens_in_any_of_the_headers(
    serve: ServerMaker, headers: dict[str, str]
) -> None:
    client = serve(api_key="first,second,schlüssel").client
    assert client.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer third"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer third", "X-Api-Key": "first"},
    ],
)
def test_without_a_known_key_nothing_is_said_about_routes(
    serve: ServerMaker, headers: dict[str, str]
) -> None:
    client = serve(api_key="first").client
    for path in ("/v1/models", "/nothing"):
        assert_error(client.get(path, headers=headers), 401, "authentication_error")


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_needs_no_key(serve: ServerMaker, path: str) -> None:
    assert serve(api_key="first").client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/slots", "/nothing"])
def test_while_the_model_loads_everything_says_so(scripted: Scripted, path: str) -> None:
    engine, app = scripted()
    engine.show(status=Status.LOADING, info=None, tokenizer=None)
    reply = app.test_client().get(path)
    assert assert_error(reply, 503, "unavailable_error") == "Loading model"


@pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
def test_an_engine_that_is_gone_is_unavailable(scripted: Scripted, status: Status) -> None:
    engine, app = scripted()
    engine.show(status=status, failure="secret")
    reply = app.test_client().post("/completion", json={"prompt": "a"})
    assert "secret" not in assert_error(reply, 503, "unavailable_error")


def test_any_origin_may_ask_and_is_said_back(client: FlaskClient) -> None:
    headers = client.get("/health", headers=ORIGIN).headers
    assert headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert headers["Vary"] == "Origin"


def test_without_an_origin_there_is_no_answer_to_it(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/health").headers


def test_errors_and_streams_have_the_headers_too(client: FlaskClient) -> None:
    body = {"prompt": "a", "stream": True, "n_predict": 1}
    stream = client.post("/completion", json=body, headers=ORIGIN)
    for reply in (client.get("/nothing", headers=ORIGIN), stream):
        assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


def test_a_preflight_needs_no_key_and_no_route(serve: ServerMaker) -> None:
    reply = serve(api_key="first").client.options("/nothing", headers=ORIGIN)
    assert (reply.status_code, reply.data) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE, OPTIONS"
    assert reply.headers["Access-Control-Allow-Headers"] == "*"


def test_origins_can_be_limited_to_this_machine(serve: ServerMaker) -> None:
    client = serve(cors_origins="localhost").client
    allowed = client.get("/health", headers=LOCAL).headers
    assert allowed["Access-Control-Allow-Origin"] == LOCAL["Origin"]
    for origin in (
        "https://example.org",
        "http://localhost.example.org",
        "http://x\\@localhost",
        "http://[bad",
    ):
        headers = client.get("/health", headers={"Origin": origin}).headers
        assert "Access-Control-Allow-Origin" not in headers


def test_without_credentials_any_origin_is_a_star(serve: ServerMaker) -> None:
    client = serve(no_cors_credentials="on").client
    headers = client.options("/health", headers=ORIGIN).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Credentials"] == "false"


def test_a_fixed_origin_is_said_to_everybody(serve: ServerMaker) -> None:
    client = serve(cors_origins="https://chat.example.org").client
    headers = client.get("/health", headers=ORIGIN).headers
    assert headers["Access-Control-Allow-Origin"] == "https://chat.example.org"


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("llm.example.org", True),
        ("LLM.example.org:8080", True),
        ("llm.example.org.:8080", True),
        ("xn--mller-kva.example", True),
        ("a.b.example.net", True),
        ("localhost:8080", True),
        ("192.0.2.7:8080", True),
        ("[::1]:8080", True),
        ("", True),
        ("example.org", False),
        ("a.llm.example.org", False),
        ("llm.example.org.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("badexample.net", False),
        ("[::1", False),
        ("llm.example.org:99999", False),
        ("x@llm.example.org", False),
    ],
)
def test_names_that_are_not_the_servers_get_no_answer(
    serve: ServerMaker, host: str, is_answered: bool
) -> None:
    client = serve(allowed_hosts="LLM.example.org., .example.net,müller.example").client
    for method in ("GET", "OPTIONS"):
        reply = client.open("/health", method=method, headers={"Host": host})
        assert (reply.status_code == 200) is is_answered
        if not is_answered:
            assert "--allowed-hosts" in assert_error(reply, 403, "permission_error")


def test_without_a_list_the_server_answers_for_any_name(client: FlaskClient) -> None:
    assert client.get("/health", headers={"Host": "anything.example"}).status_code == 200


def test_everything_lies_under_the_prefix(serve: ServerMaker) -> None:
    client = serve(api_prefix="/llm", api_key="first").client
    assert client.get("/llm/health").status_code == 200
    assert client.get("/llm/v1/models", headers={"X-Api-Key": "first"}).status_code == 200
    assert client.get("/v1/models", headers={"X-Api-Key": "first"}).status_code == 404


def test_the_server_says_what_it_speaks(client: FlaskClient) -> None:
    assert client.get("/health").headers["Server"] == "llama.cpp"


def test_no_two_routes_share_a_method_and_a_path() -> None:
    pairs = [(row.method, path) for row in all_routes() for path in row.paths]
    assert len(pairs) == len(set(pairs))


def test_every_dialect_has_routes_with_docstrings() -> None:
    assert all(dialect.rows for dialect in DIALECTS)
    assert all(row.handler.__doc__ for row in all_routes())


# keys: every route, and keys that change

PUBLIC = {("GET", "/health"), ("GET", "/v1/health")}
"""What llama-server serves to everybody; / besides, where there is a page."""


def test_only_the_routes_that_are_public_in_llama_server_need_no_key(serve: ServerMaker) -> None:
    client = serve(api_key="first").client
    for row in all_routes():
        for path in row.paths:
            reply = client.open(path.replace("<id_slot>", "0"), method=row.method)
            is_refused = reply.status_code == 401
            assert is_refused == ((row.method, path) not in PUBLIC), (row.method, path)


def test_a_refusal_is_the_same_whatever_was_asked_and_sent(serve: ServerMaker) -> None:
    client = serve(api_key="first").client
    keys = [{}, {"Authorization": "Bearer firs"}, {"X-Api-Key": "first\x00"}]
    headers = [{"X-Request-Id": "one", **given} for given in keys]
    routes = [("GET", "/v1/models"), ("POST", "/completion"), ("PUT", "/nothing")]
    answers = {
        (reply.status_code, reply.data, frozenset(reply.headers.items()))
        for given in headers
        for method, path in routes
        for reply in [client.open(path, method=method, headers=given, data=b"{")]
    }
    assert len(answers) == 1


def test_keys_of_a_file_can_change_while_the_server_runs(
    serve: ServerMaker, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text("# ours\nold\n")
    server = serve(api_key="fixed", api_key_file=str(path))
    path.write_text("new\n\n# old\n")
    assert opens(server) == {"fixed", "old"}
    reload_keys(server.app)
    assert opens(server) == {"fixed", "new"}


@pytest.mark.parametrize("text", [None, "", "# none\n"])
def test_a_file_without_keys_changes_nothing(
    serve: ServerMaker, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "keys"
    path.write_text("old\n")
    server = serve(api_key_file=str(path))
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(OptionError, match=r"--api-key-file: expected a .*, got "):
        reload_keys(server.app)
    assert opens(server) == {"old"}


def opens(server: Server) -> set[str]:
    """Which of the keys open, and that no key does not."""
    client = server.client
    assert client.get("/v1/models").status_code == 401
    keys = ("fixed", "old", "new", "# old", "")
    replies = {key: client.get("/v1/models", headers={"X-Api-Key": key}) for key in keys}
    return {key for key, reply in replies.items() if reply.status_code == 200}


def test_keys_are_compared_with_all_keys_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        assert len(one) == len(other)
        return one == other

    monkeypatch.setattr(auth.hmac, "compare_digest", compare)
    keys = auth.ApiKeys(map(ApiKey, ["a", "a much longer key", "b"]))
    for given in ("a", "b", "", "x" * 5000):
        found = keys.identify(Headers({"X-Api-Key": given}))
        assert (found is not None) == (given in ("a", "b"))
    assert len(compared) == 4 * 3


def test_an_answer_has_the_name_of_its_request(client: FlaskClient) -> None:
    for path in ("/health", "/no-such-route"):
        reply = client.get(path, headers={"X-Request-Id": "req_1-a.b"})
        assert reply.headers["X-Request-Id"] == "req_1-a.b"


@pytest.mark.parametrize("name", ["", "two words", "x" * 129, "schl\xfcssel"])
def test_a_request_without_a_usable_name_gets_one(client: FlaskClient, name: str) -> None:
    made = [client.get("/health", headers={"X-Request-Id": name}).headers for _ in range(2)]
    names = [headers["X-Request-Id"] for headers in made]
    assert all(len(each) == 32 for each in names) and names[0] != names[1]
