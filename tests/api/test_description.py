"""The API description covers every route and is valid; its page needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from server.api.description import TYPES
from server.api.description import _read
from server.api.dialects import all_routes
from server.api.docs import PAGE
from server.api.docs import page
from server.api.openapi import template
from server.api.registry import Route
from server.schema.bodies import BODIES
from server.schema.body import BodySchema
from tests.api.conftest import ServerMaker

ROOT = Path(__file__).parents[2]
ROUTES = all_routes()
NOT_DESCRIBED = re.compile(r"/sw\.js|/(<path:name>)?")
"""Files of a user's own folder, and one that takes back what llama-server's page leaves."""


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(client.get("/openapi.json").data)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def route_id(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_path_that_flask_answers_is_described(
    serve: ServerMaker, tmp_path: Path, document: dict[str, Any]
) -> None:
    app = serve(path=str(tmp_path)).app
    answered = {
        (method.lower(), template(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD" and not NOT_DESCRIBED.fullmatch(rule.rule)
    }
    assert answered == {(method, path) for method, path, _ in operations(document)}


def test_the_schemas_are_valid_and_all_references_lead_somewhere(document: dict[str, Any]) -> None:
    components = document["components"]
    for schema in components["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in components[kind], reference


def test_no_two_schemas_share_a_name() -> None:
    found: dict[str, object] = {}
    for route in ROUTES:
        for kind in (route.takes, route.gives):
            if kind is not None and kind.name:
                assert found.setdefault(kind.name, kind) is kind, kind.name


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    counts = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert [name for name, n in counts.items() if n > 1] == []


def test_parts_of_a_path_are_described(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        described = {
            param["name"] for param in operation.get("parameters", ()) if param["in"] == "path"
        }
        assert described == set(re.findall(r"\{(\w+)\}", path)), path


@pytest.mark.parametrize("route", ROUTES, ids=route_id)
def test_every_route_says_what_it_does(route: Route) -> None:
    assert route.summary.endswith(".") and len(route.summary) > 10
    assert route.gives.help.endswith(".")
    assert all(param.help.endswith(".") for param in route.params)


def test_every_body_of_a_route_is_on_the_reference_page() -> None:
    assert {route.takes for route in ROUTES if route.takes is not None} <= set(BODIES)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_the_example_of_a_body_is_valid(body: BodySchema) -> None:
    example = orjson.loads(orjson.dumps(body.example))
    assert example
    Draft202012Validator(body.json_schema()).validate(example)


def test_the_paths_stand_behind_the_prefix(serve: ServerMaker) -> None:
    client = serve(api_prefix="/llm").client
    described = orjson.loads(client.get("/llm/openapi.json").data)
    assert described["servers"] == [{"url": "/llm"}]
    assert "/completion" in described["paths"]


def test_without_a_key_nothing_is_described(serve: ServerMaker) -> None:
    client = serve(api_key="secret").client
    assert client.get("/openapi.json").status_code == 401
    assert client.get("/docs").status_code == 401
    assert client.get("/openapi.json", headers={"X-Api-Key": "secret"}).status_code == 200


@pytest.mark.parametrize("name", TYPES)
def test_the_files_of_the_page_load_nothing_from_elsewhere(name: str) -> None:
    text = _read(name).decode()
    assert not re.search(r"https?:|//\w+\.\w|@import|url\(", text.replace("// @ts-check", ""))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"\son\w+=|style=|<script>|<style", text), "the policy forbids these"


def test_the_page_and_its_files_carry_a_strict_policy(client: FlaskClient) -> None:
    for path in ("/docs", "/docs/page.js", "/docs/page.css", "/docs/schema.js"):
        reply = client.get(path)
        assert reply.status_code == 200
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs/../registry.py", "/docs/nothing.js", "/docs/"])
def test_nothing_else_is_served_with_the_page(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_reference_page_is_up_to_date() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page()
