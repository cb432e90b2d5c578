"""`/infill`: the text between a prefix and a suffix, with other files as context.

Answers to post_infill and format_prompt_infill of llama.cpp `tools/server`. The pattern of several
files is that of https://arxiv.org/pdf/2409.12186.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response

from server.api import answers
from server.api.errors import InvalidRequest
from server.api.errors import NotSupported
from server.api.generate import respond
from server.api.job import make_job
from server.api.native import NativeFormat
from server.api.registry import Routes
from server.api.service import Service
from server.api.tokens import tokenize_mixed
from server.api.wire import Body
from server.api.wire import read_json
from server.engine.modelinfo import Tokenizer
from server.schema import bodies

routes = Routes("infill")

REPOSITORY = "myproject\n"
FILE = "filename\n"
EXTRA_FILE = "tmp"
"""The name of a file that has none."""
SNIPPET = "\n\n--- snippet ---\n\n"
"""Between files, for models without a token for that."""

NEEDED = ("prefix", "suffix", "middle")
EXTRA_FORM = '"input_extra" must be an array of {"filename": string, "text": string}'


@dataclass(frozen=True, slots=True)
class Room:
    """How much of what is given is used, in tokens."""

    n_batch: int
    n_predict: int
    """-1 = no limit."""
    n_ctx: int

    @property
    def n_prefix(self) -> int:
        """Three quarters of a batch."""
        return 3 * (self.n_batch // 4)

    def n_suffix(self, n_prompt: int) -> int:
        """The last quarter, of which the prompt takes its part."""
        return max(0, self.n_batch // 4 - (2 + n_prompt))

    @property
    def n_extra(self) -> int:
        """Other files: what is left of the context."""
        return max(0, self.n_ctx - self.n_batch - 2 * self.n_predict)


@routes.post("/infill", takes=bodies.INFILL, gives=answers.NATIVE_COMPLETION)
def infill(service: Service) -> Response:
    """Write what stands between a prefix and a suffix."""
    tokenizer = service.model().tokenizer
    _check_model(tokenizer)
    body = read_json()
    _check(body)
    context = service.settings.context
    room = Room(context.n_batch, context.n_predict, service.model().info.n_ctx_slot)
    prompt = _prompt(body, tokenizer, room, suffix_first=context.spm_infill)
    job = make_job(service, body | {"prompt": prompt})
    return respond(service, job, NativeFormat(job))


def _check_model(tokenizer: Tokenizer) -> None:
    missing = [
        f"{name} token is missing. " for name in NEEDED if getattr(tokenizer.fim, name) is None
    ]
    if missing:
        raise NotSupported(f"Infill is not supported by this model: {''.join(missing)}")


def _check(body: Body) -> None:
    """In the reference's words and order; then the rest."""
    if not isinstance(body.get("prompt", ""), str):
        raise InvalidRequest('"prompt" must be a string')
    for name in ("input_prefix", "input_suffix"):
        if name not in body:
            raise InvalidRequest(f'"{name}" is required')
    extra = body.get("input_extra")
    if extra is not None and not isinstance(extra, list):
        raise InvalidRequest(EXTRA_FORM)
    for chunk in extra or ():
        if not isinstance(chunk, dict) or not isinstance(chunk.get("text"), str):
            raise InvalidRequest(
                'extra_context chunk must contain a "text" field with a string value'
            )
        if not isinstance(chunk.get("filename", ""), str):
            raise InvalidRequest('extra_context chunk\'s "filename" field must be a string')
    bodies.INFILL.check(body)


def _prompt(body: Body, tokenizer: Tokenizer, room: Room, *, suffix_first: bool) -> list[int]:
    """[repository, files] prefix, suffix, middle; or suffix, prefix, middle."""
    fim = tokenizer.fim
    assert fim.prefix is not None and fim.suffix is not None and fim.middle is not None
    prompt = tokenizer.tokenize(str(body.get("prompt", "")), add_special=False, parse_special=True)
    prefix = tokenize_mixed(body["input_prefix"], tokenizer, "input_prefix", parse_special=False)
    suffix = tokenize_mixed(body["input_suffix"], tokenizer, "input_suffix", parse_special=False)
    prefix = prefix[max(0, len(prefix) - room.n_prefix) :]
    suffix = suffix[: room.n_suffix(len(prompt))]
    before, after = [fim.prefix, *prefix, *prompt], [fim.suffix, *suffix]
    if suffix_first:
        before, after = after, before
    bos = [tokenizer.bos] if tokenizer.add_bos and tokenizer.bos is not None else []
    extra = _extra(body.get("input_extra"), tokenizer)
    extra = extra[max(0, len(extra) - room.n_extra) :]
    return [*extra, *bos, *before, *after, fim.middle]


def _extra(chunks: object, tokenizer: Tokenizer) -> list[int]:
    """The name of the repository, other files with their names, and the name of this file."""

    def tokens(text: str) -> list[int]:
        return tokenizer.tokenize(text, add_special=False, parse_special=False)

    fim, extra = tokenizer.fim, []
    if fim.repository is not None:
        extra += [fim.repository, *tokens(REPOSITORY)]
    for chunk in chunks if isinstance(chunks, list) else ():
        if fim.file is None:
            extra += tokens(SNIPPET)
        else:
            extra += [fim.file, *tokens(chunk.get("filename", EXTRA_FILE) + "\n")]
        extra += tokens(chunk["text"])
    if fim.file is not None:
        extra += [fim.file, *tokens(FILE)]
    return extra
