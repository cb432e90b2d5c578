"""`/tokenize` and `/detokenize`.

Answers to post_tokenize and post_detokenize of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from flask import Response

from server.api import answers
from server.api.errors import InvalidRequest
from server.api.registry import Routes
from server.api.service import Service
from server.api.usage import Json
from server.api.wire import aside
from server.api.wire import bool_field
from server.api.wire import json_response
from server.api.wire import read_body
from server.engine.modelinfo import Tokenizer
from server.schema import bodies

routes = Routes("tokens")


@routes.post("/tokenize", takes=bodies.TOKENIZE, gives=answers.TOKENS)
def tokenize(service: Service) -> Response:
    """`content` (a string, or a list of strings and tokens) -> `tokens`."""
    body = read_body(bodies.TOKENIZE)
    tokenizer = service.model().tokenizer
    add_special = bool_field(body, "add_special", False)
    parse_special = bool_field(body, "parse_special", True)
    content = body.get("content")
    if content is None:
        return json_response({"tokens": []})
    tokens = aside(
        lambda: tokenize_mixed(
            content, tokenizer, "content", add_special=add_special, parse_special=parse_special
        )
    )
    if bool_field(body, "with_pieces", False):
        pieces = aside(lambda: [_piece_json(token, tokenizer) for token in tokens])
        return json_response({"tokens": pieces})
    return json_response({"tokens": tokens})


@routes.post("/detokenize", takes=bodies.DETOKENIZE, gives=answers.CONTENT)
def detokenize(service: Service) -> Response:
    """`tokens` -> `content`, with the text of control tokens."""
    body = read_body(bodies.DETOKENIZE)
    tokenizer = service.model().tokenizer
    tokens = body.get("tokens") or []
    assert isinstance(tokens, list)
    pieces = aside(lambda: [tokenizer.piece(_token(token, tokenizer)) for token in tokens])
    return json_response({"content": b"".join(pieces).decode("utf-8", "replace")})


def tokenize_mixed(
    content: object,
    tokenizer: Tokenizer,
    name: str,
    *,
    add_special: bool = False,
    parse_special: bool = True,
) -> list[int]:
    """Text, or texts and tokens, of the field `name`; a text that comes first may get BOS."""
    items = content if isinstance(content, list) else [content]
    if items and not isinstance(content, (str, list)):
        raise InvalidRequest(f'"{name}" must be a string, or a list of strings and tokens')
    tokens: list[int] = []
    for i, item in enumerate(items):
        if isinstance(item, str):
            tokens += tokenizer.tokenize(
                item, add_special=add_special and i == 0, parse_special=parse_special
            )
        else:
            tokens.append(_token(item, tokenizer))
    return tokens


def _token(value: object, tokenizer: Tokenizer) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRequest("a token must be an integer")
    if not 0 <= value < tokenizer.n_vocab:
        raise InvalidRequest(f"token {value} is not between 0 and {tokenizer.n_vocab - 1}")
    return value


def _piece_json(token: int, tokenizer: Tokenizer) -> Json:
    """A piece that is no text of its own, such as half a character, is given as its bytes."""
    piece = tokenizer.piece(token)
    try:
        return {"id": token, "piece": piece.decode()}
    except UnicodeDecodeError:
        return {"id": token, "piece": list(piece)}
