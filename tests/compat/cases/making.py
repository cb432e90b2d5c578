"""Short ways to write a case."""

from __future__ import annotations

from typing import Any

from tests.compat.exchange import Case
from tests.compat.exchange import Request

GREEDY: dict[str, Any] = {"temperature": 0, "seed": 1, "cache_prompt": False}
"""What makes an answer independent of chance and of the requests before it."""

HELLO = [{"role": "user", "content": "Hello"}]


def get(name: str, path: str, **headers: str) -> Case:
    """A GET."""
    return Case(name, Request("GET", path, headers=_headers(headers)))


def post(name: str, path: str, body: Any = None, **headers: str) -> Case:
    """A POST of any JSON."""
    return Case(name, Request("POST", path, body, headers=_headers(headers)))


def raw(name: str, path: str, body: bytes, **headers: str) -> Case:
    """A POST of any bytes."""
    text = body.decode("latin-1")
    return Case(name, Request("POST", path, raw=text, headers=_headers(headers)))


def call(name: str, method: str, path: str, body: Any = None, **headers: str) -> Case:
    """Any method."""
    return Case(name, Request(method, path, body, headers=_headers(headers)))


def native(name: str, **fields: Any) -> Case:
    """A small /completion; a field that is ... is left out."""
    return _generation(name, "/completion", {"prompt": "Hello", "n_predict": 5}, fields)


def legacy(name: str, **fields: Any) -> Case:
    """A small /v1/completions."""
    return _generation(name, "/v1/completions", {"prompt": "Hello", "max_tokens": 5}, fields)


def chat(name: str, **fields: Any) -> Case:
    """A small /v1/chat/completions."""
    base = {"messages": HELLO, "max_tokens": 5}
    return _generation(name, "/v1/chat/completions", base, fields)


def dialect(name: str, path: str, base: dict[str, Any], fields: dict[str, Any]) -> Case:
    """A POST in a dialect that has no seed and no say about the cache."""
    body = {**base, "temperature": 0, **fields}
    return Case(name, Request("POST", path, _without_left_out(body)))


def _generation(name: str, path: str, base: dict[str, Any], fields: dict[str, Any]) -> Case:
    body = _without_left_out({**base, **GREEDY, **fields})
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and any(isinstance(part, str | list) for part in prompt)
    interleaves = body.get("stream") is True and (several or body.get("n", 1) != 1)
    return Case(name, Request("POST", path, body), interleaves=interleaves)


def _without_left_out(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not ...}


def _headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
