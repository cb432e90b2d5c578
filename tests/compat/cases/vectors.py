"""Servers of small models that embed, that rank, and that fill gaps."""

from __future__ import annotations

from typing import Any

from tests.compat.cases.making import GREEDY
from tests.compat.cases.making import get
from tests.compat.cases.making import post
from tests.compat.exchange import Case

LONG = "cat " * 100
DOCUMENTS = ["hello", "a panda is a bear", "the dog runs"]


def _embed(name: str, **fields: Any) -> Case:
    """A small /v1/embeddings."""
    return post(name, "/v1/embeddings", {"input": "hello world", **fields})


def _embed_native(name: str, body: Any, path: str = "/embeddings") -> Case:
    """The server's own form."""
    return post(name, path, body)


def _rank(name: str, path: str = "/v1/rerank", **fields: Any) -> Case:
    """A ranking of few documents; a field that is ... is left out."""
    body = {"query": "what is a panda", "documents": DOCUMENTS, **fields}
    return post(name, path, {key: value for key, value in body.items() if value is not ...})


def _tei(name: str, **fields: Any) -> Case:
    return _rank(name, documents=..., texts=DOCUMENTS, **fields)


def _infill(name: str, **fields: Any) -> Case:
    """A small /infill; a field that is ... is left out."""
    base = {"input_prefix": "Hello", "input_suffix": "the end", "n_predict": 4, **GREEDY}
    body = {**base, **fields}
    return post(name, "/infill", {key: value for key, value in body.items() if value is not ...})


EMBEDDINGS = (
    _embed("embed-one"),
    _embed("embed-several", input=["hello", "a cat sits", "the dog runs"]),
    _embed("embed-tokens", input=[2, 5, 6, 3]),
    _embed("embed-several-tokens", input=[[2, 5, 3], [2, 6, 3]]),
    _embed("embed-mixed", input=[2, "hello", 3]),
    _embed("embed-base64", encoding_format="base64"),
    _embed("embed-format-float", encoding_format="float"),
    _embed("embed-format-unknown", encoding_format="int8"),
    _embed("embed-model-name", model="another"),
    _embed("embed-norm-none", embd_normalize=-1),
    _embed("embed-norm-max", embd_normalize=0),
    _embed("embed-norm-taxicab", embd_normalize=1),
    _embed("embed-norm-three", embd_normalize=3),
    post("embed-content", "/v1/embeddings", {"content": "hello"}),
    _embed("embed-unknown-words", input="Ж ☃"),
    _embed("embed-empty", input=""),
    _embed("embed-empty-array", input=[]),
    _embed("embed-number", input=5),
    _embed("embed-null", input=None),
    _embed("embed-too-long", input=LONG),
    post("embed-nothing", "/v1/embeddings", {}),
    _embed_native("embed-native-one", {"content": "hello"}),
    _embed_native("embed-native-several", {"content": ["hello", "world"]}),
    _embed_native("embed-native-input", {"input": "hello"}, "/embedding"),
    _embed_native("embed-native-norm", {"content": "hello", "embd_normalize": -1}),
    post("embed-completion", "/completion", {"prompt": "hello", "n_predict": 1}),
    post("embed-rerank", "/rerank", {"query": "a", "documents": ["b"]}),
    post("embed-tokenize", "/tokenize", {"content": "hello cat", "add_special": True}),
    get("embed-models", "/v1/models"),
)

RANKS = (
    _rank("rank-jina"),
    _rank("rank-reranking", "/reranking"),
    _rank("rank-v1-reranking", "/v1/reranking"),
    _rank("rank-plain-path", "/rerank"),
    _rank("rank-top-1", top_n=1),
    _rank("rank-top-many", top_n=10),
    _rank("rank-model-name", model="another"),
    _rank("rank-one-document", documents=["hello"]),
    _tei("rank-tei"),
    _tei("rank-tei-text", return_text=True),
    _tei("rank-tei-top-2", top_n=2),
    _rank("rank-no-query", query=...),
    _rank("rank-query-number", query=3),
    _rank("rank-no-documents", documents=...),
    _rank("rank-empty-documents", documents=[]),
    _rank("rank-documents-text", documents="hello"),
    _rank("rank-document-too-long", documents=["hello", LONG]),
    post("rank-embeddings-v1", "/v1/embeddings", {"input": "hello"}),
)

INFILLS = (
    _infill("infill-plain"),
    _infill("infill-prompt", prompt="once "),
    _infill("infill-empty-ends", input_prefix="", input_suffix=""),
    _infill("infill-extra", input_extra=[{"filename": "a.py", "text": "one\n"}]),
    _infill("infill-extra-two", input_extra=[{"text": "one\n"}, {"text": "two\n"}]),
    _infill("infill-extra-empty", input_extra=[]),
    _infill("infill-streamed", stream=True, n_predict=2),
    _infill("infill-no-prefix", input_prefix=...),
    _infill("infill-no-suffix", input_suffix=...),
    _infill("infill-prompt-number", prompt=3),
    _infill("infill-extra-object", input_extra={}),
    _infill("infill-extra-no-text", input_extra=[{"filename": "a"}]),
    _infill("infill-extra-text-number", input_extra=[{"text": 3}]),
    _infill("infill-extra-filename-number", input_extra=[{"text": "a", "filename": 3}]),
)
