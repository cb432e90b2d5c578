"""Streams with a conversation id: kept, read again, looked for, ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.compat.cases.making import GREEDY
from tests.compat.cases.making import HELLO
from tests.compat.cases.making import call
from tests.compat.cases.making import get
from tests.compat.cases.making import post
from tests.compat.cases.making import raw
from tests.compat.exchange import Request

KEY = "X-Conversation-Id"
STREAMED: dict[str, Any] = {"prompt": "Hello", "n_predict": 3, "stream": True, **GREEDY}


def kept(key: str, path: str = "/completion", body: dict[str, Any] = STREAMED) -> Request:
    """A stream that is kept."""
    return Request("POST", path, body, headers={KEY: key})


def read(key: str, query: str = "") -> Request:
    """The same stream again, to its end: only then is it said to be done."""
    return Request("GET", f"/v1/stream?conv_id={key}{query}")


KEEPING = (
    replace(post("stream-kept", "/completion", STREAMED), request=kept("a")),
    replace(get("stream-read-again", "/v1/stream?conv_id=b"), setup=(kept("b"),)),
    replace(
        get("stream-of-a-chat-read-again", "/v1/stream?conv_id=c&from=0"),
        setup=(
            kept(
                "c",
                "/v1/chat/completions",
                {"messages": HELLO, "max_tokens": 3, "stream": True, **GREEDY},
            ),
        ),
    ),
    replace(get("stream-from-beyond", "/v1/stream?conv_id=d&from=9999"), setup=(kept("d"),)),
    replace(get("stream-replaced", "/v1/stream?conv_id=e"), setup=(kept("e"), kept("e"))),
    replace(
        get("stream-with-a-model", "/v1/stream?conv_id=f%3A%3Aorg%2Fname"),
        setup=(kept("f::org/name"),),
    ),
    replace(
        get("stream-of-a-whole-answer", "/v1/stream?conv_id=g"),
        setup=(kept("g", body={**STREAMED, "stream": False}),),
    ),
    replace(
        get("stream-of-a-refused-request", "/v1/stream?conv_id=h"),
        setup=(kept("h", body={**STREAMED, "top_k": "x"}),),
    ),
)

LOOKING = (
    replace(
        post("lookup", "/v1/streams/lookup", {"conversation_ids": ["i"]}),
        setup=(kept("i"), read("i")),
    ),
    replace(
        post("lookup-by-conversation", "/v1/streams/lookup", {"conversation_ids": ["j"]}),
        setup=(kept("j::m"), read("j::m")),
    ),
    post("lookup-unknown", "/v1/streams/lookup", {"conversation_ids": ["unknown"]}),
    post("lookup-nothing", "/v1/streams/lookup", {"conversation_ids": []}),
    post("lookup-of-other-values", "/v1/streams/lookup", {"conversation_ids": [5, None, "", {}]}),
    post("lookup-of-text", "/v1/streams/lookup", {"conversation_ids": "a"}),
    post("lookup-of-null", "/v1/streams/lookup", {"conversation_ids": None}),
    post("lookup-of-an-array", "/v1/streams/lookup", ["a"]),
    raw("lookup-malformed", "/v1/streams/lookup", b"{"),
    get("lookup-got", "/v1/streams/lookup"),
)

ENDING = (
    replace(call("stream-deleted", "DELETE", "/v1/stream?conv_id=k"), setup=(kept("k"),)),
    replace(
        get("stream-read-after-deletion", "/v1/stream?conv_id=l"),
        setup=(kept("l"), Request("DELETE", "/v1/stream?conv_id=l")),
    ),
    call("stream-deleted-unknown", "DELETE", "/v1/stream?conv_id=unknown"),
    call("stream-deleted-unnamed", "DELETE", "/v1/stream"),
)

WRONG = (
    get("stream-unknown", "/v1/stream?conv_id=unknown"),
    get("stream-unnamed", "/v1/stream?conv_id="),
    replace(get("stream-from-text", "/v1/stream?conv_id=m&from=x"), setup=(kept("m"),)),
    replace(get("stream-from-a-negative", "/v1/stream?conv_id=n&from=-1"), setup=(kept("n"),)),
    replace(get("stream-from-with-a-tail", "/v1/stream?conv_id=o&from=99999x"), setup=(kept("o"),)),
    post("stream-posted", "/v1/stream", {}),
    get("streams-listed", "/v1/streams"),
)

CASES = KEEPING + LOOKING + ENDING + WRONG
