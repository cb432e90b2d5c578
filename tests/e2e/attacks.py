"""Attacks on a running server, as a list: what is sent, and what must come back.

`tests/e2e/test_attacks.py` holds each against a server with a stream beside it; `python -m
tests.e2e.attack_table` writes what came of them into docs/security.md.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.e2e import wire
from tests.e2e.live import LiveServer

N_SLOW = 100
READ_S = 10.0
KEY = "insider"
"""Most who attack have a key."""

VICTIMS_KEY = "k" * 32
"""What an outsider would like to find out."""

GET = "GET {} HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + KEY + "\r\n"
COMPLETION = b"POST /completion HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + KEY.encode() + b"\r\n"
END = b"0\r\n\r\n"
LIMIT = 1 << 16

ASTRAY = (
    "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}"
    "{% set n = namespace(x='ab') %}"
    "{% if mode == 'spin' %}{% for i in range(99999) %}{% for j in range(99999) %}{{ i * j }}"
    "{% endfor %}{% endfor %}{% endif %}"
    "{% if mode == 'grow' %}{% for i in range(99999) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
    "{% endif %}"
)
"""A template with a bomb in it, for the server that is attacked."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One of them. run: makes it; the statuses of all answers, in words where there is none."""

    name: str
    sent: str
    run: Callable[[LiveServer], list[str]]
    expected: frozenset[str]
    """Every answer is one of these."""


def raw(server: LiveServer, data: bytes) -> bytes:
    """Send bytes as they are; what comes until the server closes, has answered or is silent."""
    with connected(server) as client:
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            client.sendall(data)
            while len(received) < LIMIT and (piece := client.recv(4096)):
                received += piece
                if b"}" in piece:
                    break
        return received


def connected(server: LiveServer) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=READ_S)


def status_of(answer: bytes) -> str:
    """Of the first line; "closed" where there is none."""
    words = answer.split(None, 2)
    return words[1].decode() if len(words) > 1 else "closed"


def sends(*heads: bytes) -> Callable[[LiveServer], list[str]]:
    """Send each on a connection of its own."""
    return lambda server: [status_of(raw(server, head)) for head in heads]


def posts(path: str, *bodies: wire.Json) -> Callable[[LiveServer], list[str]]:
    """POST each."""
    return lambda server: [str(server.post(path, body).status) for body in bodies]


def gets(*paths: str) -> Callable[[LiveServer], list[str]]:
    """GET each as it is."""
    return sends(*(f"{GET.format(path)}\r\n".encode() for path in paths))


def chat(**fields: wire.Json) -> wire.Json:
    """A chat that generates one token."""
    return {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1} | fields


def with_schema(schema: wire.Json) -> wire.Json:
    """A chat whose answer is to match."""
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    return chat(response_format=form)


def with_grammar(grammar: str) -> wire.Json:
    """A completion that is to match."""
    return {"prompt": "a", "n_predict": 1, "grammar": grammar}


def nested(n: int) -> bytes:
    """A body with so many levels."""
    return b'{"prompt": ' + b"[" * n + b"]" * n + b"}"


def _half_heads(server: LiveServer) -> list[str]:
    with contextlib.ExitStack() as clients:
        for i in range(N_SLOW):
            client = clients.enter_context(connected(server))
            client.sendall((COMPLETION + b"Content-Length: 9\r\n")[: 20 + i % 30])
        return [str(server.post("/completion", {"prompt": "Once", "n_predict": 2}).status)]


def _slow_bodies(server: LiveServer) -> list[str]:
    with contextlib.ExitStack() as clients:
        for _ in range(N_SLOW):
            client = clients.enter_context(connected(server))
            client.sendall(COMPLETION + b"Content-Length: 5000\r\n\r\n{")
        return [str(server.post("/completion", {"prompt": "Once", "n_predict": 2}).status)]


def _opened(server: LiveServer, body: wire.Json) -> socket.socket:
    return wire.open_socket(server.url, "/completion", body, headers=server.headers)


def _deaf_readers(server: LiveServer) -> list[str]:
    endless = {"prompt": "Once", "n_predict": 3000, "ignore_eos": True, "stream": True}
    with contextlib.ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(_opened(server, endless))
        return [str(server.post("/completion", {"prompt": "Once", "n_predict": 2}).status)]


def _split_answers(server: LiveServer) -> list[str]:
    found = []
    for name in ("Origin", "X-Conversation-Id", "X-Request-Id"):
        head = f"GET /health HTTP/1.1\r\nHost: x\r\n{name}: a\rSet-Cookie: b=c\r\n\r\n"
        answer = raw(server, head.encode())
        lines = answer.partition(b"\r\n\r\n")[0].lower().splitlines()
        is_split = any(line.startswith(b"set-cookie") for line in lines)
        found.append("split" if is_split else status_of(answer))
    return found


def _paths(server: LiveServer) -> list[str]:
    asked = ("/../../etc/passwd", "/%00%2e%2e/%2e%2e/etc/passwd", "/docs/..%2f..%2fsetup.cfg")
    names = ({"filename": name} for name in ("../a", "/etc/a", "a\0", ".."))
    return [*gets(*asked)(server), *posts("/slots/0?action=save", *names)(server)]


def _foreign_urls(server: LiveServer) -> list[str]:
    """A listener of ours stands for what must not be reached."""
    with socket.create_server(("127.0.0.1", 0)) as inner:
        port = inner.getsockname()[1]
        inner.settimeout(0.5)
        urls = (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/", "file:///etc/passwd")
        statuses = [
            str(server.post("/v1/chat/completions", chat(messages=[_image(url)])).status)
            for url in urls
        ]
        with contextlib.suppress(TimeoutError):
            inner.accept()[0].close()
            statuses.append("fetched")
    return statuses


def _image(url: str) -> wire.Json:
    part = {"type": "image_url", "image_url": {"url": url}}
    return {"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}


def _texts() -> list[wire.Json]:
    texts = ("\0", "\ud800", "\u202e\ufeff", "\U0010ffff", "a\r\nSet-Cookie: b")
    bodies: list[wire.Json] = [{"prompt": f"Once{t}", "n_predict": 1, "stop": [t]} for t in texts]
    return bodies + [{t: t, "prompt": "Once", "n_predict": 1, "cache_salt": t} for t in texts]


def _set(*statuses: str) -> frozenset[str]:
    return frozenset(statuses)


LOOP = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
WIDE = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(20000)}}
COUNTED = {"type": "string", "pattern": "^(a{1,1000}){1,1000}$"}
GRAMMAR, LONG_GRAMMAR = (
    "root ::= a\n" + "".join(f"r{i} ::= " + "a " * 50 + "\n" for i in range(n)) + 'a ::= "a"'
    for n in (900, 3000)
)
DEEP_GRAMMAR = "root ::= " + "(" * 20000 + '"a"' + ")" * 20000
REPEATED = 'root ::= (("a"{1,1000}){1,1000}){1,1000}'
REVERSED = 'root ::= "a"{2,1}'
EMPTY = 'root ::= a{0,1999}\na ::= b{0,1999}\nb ::= "b"?'

ATTACKS = (
    Attack("slow-loris, heads", f"{N_SLOW} connections with half a head", _half_heads, _set("200")),
    Attack(
        "slow-loris, bodies", f"{N_SLOW} bodies of which a byte comes", _slow_bodies, _set("200")
    ),
    Attack(
        "slow readers", "10 streams of 3,000 tokens that nobody reads", _deaf_readers, _set("200")
    ),
    Attack(
        "oversized heads",
        "a request line and a header of 9,000 bytes, 200 headers",
        sends(
            b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        ),
        _set("414", "431"),
    ),
    Attack(
        "smuggling",
        "two lengths of one body, a negative one, broken chunks",
        sends(
            COMPLETION + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            COMPLETION + b"Content-Length: -1\r\n\r\n",
            COMPLETION + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        ),
        _set("400"),
    ),
    Attack(
        "NUL in heads",
        "NUL in the path and in a header",
        sends(
            b"GET /health\0x HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n",
        ),
        _set("400", "404"),
    ),
    Attack(
        "response splitting", "CR and a header within three headers", _split_answers, _set("400")
    ),
    Attack(
        "oversized bodies",
        "8 MiB with its length, and in chunks (the limit is 1)",
        sends(
            COMPLETION + b"Content-Length: 8388608\r\n\r\n" + b"a" * (8 << 20),
            COMPLETION
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + (b"100000\r\n" + b"a" * (1 << 20) + b"\r\n") * 8
            + b"0\r\n\r\n",
        ),
        _set("413", "closed"),
    ),
    Attack(
        "bodies that are refused",
        "64 MiB for a path that there is not",
        sends(
            COMPLETION.replace(b"/completion", b"/no")
            + b"Content-Length: 67108864\r\n\r\n"
            + b"a" * (64 << 20)
        ),
        _set("404", "closed"),
    ),
    Attack(
        "bodies in small chunks",
        "50,000 chunks of a byte",
        sends(COMPLETION + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000 + END),
        _set("400"),
    ),
    Attack(
        "JSON bombs",
        "400,000 levels, 70,000 keys, a number of 500,000 digits",
        posts(
            "/completion",
            nested(400_000),
            json.dumps({str(i): 1 for i in range(70_000)}).encode(),
            b'{"prompt": "a", "seed": ' + b"9" * 500_000 + b"}",
        ),
        _set("400"),
    ),
    Attack(
        "template bombs",
        "a template with nested loops, one that doubles its text",
        posts(
            "/v1/chat/completions",
            chat(chat_template_kwargs={"mode": "spin"}),
            chat(chat_template_kwargs={"mode": "grow"}),
        ),
        _set("400"),
    ),
    Attack(
        "grammar bombs",
        "900 and 3,000 long rules, 20,000 brackets, nested repetitions (also of nothing), {2,1}",
        posts(
            "/completion",
            *map(with_grammar, (GRAMMAR, LONG_GRAMMAR, DEEP_GRAMMAR, REPEATED, REVERSED, EMPTY)),
        ),
        _set("400", "200"),
    ),
    Attack(
        "schema bombs",
        "a reference to itself, 20,000 properties, counted repetitions",
        posts("/v1/chat/completions", *map(with_schema, (LOOP, WIDE, COUNTED))),
        _set("400", "200"),
    ),
    Attack(
        "texts",
        "NUL, surrogates, marks, line breaks in any text",
        posts("/completion", *_texts()),
        _set("200", "400"),
    ),
    Attack(
        "paths",
        "../ and %2e%2e in paths, in names of slot files and of pages",
        _paths,
        _set("404", "400"),
    ),
    Attack(
        "SSRF",
        "images at addresses of this machine, file:// URLs",
        _foreign_urls,
        _set("400", "501"),
    ),
)
