"""A server with API keys: who is let in."""

from __future__ import annotations

from tests.compat.cases.making import call
from tests.compat.cases.making import get
from tests.compat.cases.making import post

PROMPT = {"prompt": "Hello", "n_predict": 1, "temperature": 0}

CASES = (
    get("keys-none-given", "/props"),
    get("keys-wrong", "/props", Authorization="Bearer nonsense"),
    get("keys-bearer", "/slots", Authorization="Bearer first"),
    get("keys-second", "/v1/models", Authorization="Bearer second"),
    get("keys-third", "/v1/models", Authorization="Bearer third"),
    get("keys-x-api-key", "/slots", X_Api_Key="first"),
    get("keys-x-api-key-wrong", "/slots", X_Api_Key="nonsense"),
    get("keys-without-bearer", "/slots", Authorization="first"),
    get("keys-lower-case-bearer", "/slots", Authorization="bearer first"),
    get("keys-empty-bearer", "/slots", Authorization="Bearer "),
    get("keys-with-trailing-text", "/slots", Authorization="Bearer first x"),
    get("keys-public-health", "/health"),
    get("keys-public-health-v1", "/v1/health"),
    get("keys-public-models", "/models"),
    get("keys-public-models-v1", "/v1/models"),
    get("keys-root", "/"),
    get("keys-unknown-route", "/nonsense"),
    post("keys-completion-without", "/completion", PROMPT),
    post("keys-malformed-body-without", "/v1/chat/completions"),
    post("keys-completion", "/completion", PROMPT, Authorization="Bearer first"),
    post("keys-tokenize-without", "/tokenize", {"content": "a"}),
    call("keys-preflight", "OPTIONS", "/completion", None, Origin="http://example.org"),
)
