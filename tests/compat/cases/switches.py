"""A server with --metrics and --props and without --slots, and one behind --api-prefix."""

from __future__ import annotations

from dataclasses import replace

from tests.compat.cases.making import call
from tests.compat.cases.making import get
from tests.compat.cases.making import native
from tests.compat.cases.making import post
from tests.compat.exchange import Request

SWITCHED = (
    get("metrics-unused", "/metrics"),
    replace(
        get("metrics", "/metrics"),
        setup=(Request("POST", "/completion", {"prompt": "Hello", "n_predict": 5}),),
    ),
    post("metrics-posted", "/metrics", {}),
    get("slots-switched-off", "/slots"),
    get("slots-switched-off-with-a-free-one", "/slots?fail_on_no_slot=1"),
    post("props-posted", "/props", {}),
    post("props-posted-without-a-body", "/props"),
    post("props-posted-with-an-array", "/props", []),
    post("props-posted-with-unknown", "/props", {"nothing": 1}),
    get("props-switched", "/props"),
)

PREFIXED = (
    get("prefixed-health", "/llm/health"),
    get("prefixed-models", "/llm/v1/models"),
    get("prefix-alone", "/llm"),
    get("prefix-left-out", "/health"),
    get("prefix-twice", "/llm/llm/health"),
    post("prefix-left-out-of-completion", "/completion", {"prompt": "a"}),
    replace(
        native("prefixed-completion"),
        request=Request(
            "POST", "/llm/completion", {"prompt": "Hello", "n_predict": 3, "temperature": 0}
        ),
    ),
    call("prefixed-preflight", "OPTIONS", "/llm/completion", None, Origin="http://example.org"),
)
