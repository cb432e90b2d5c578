"""The bodies of the requests that scenarios send. Greedy, and of a length that is known before."""

from __future__ import annotations

from collections.abc import Sequence

from bench.client import Json

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
RERANK = "/v1/rerank"


def user(text: str) -> Json:
    """A user's message."""
    return {"role": "user", "content": text}


def system(text: str) -> Json:
    """A system message."""
    return {"role": "system", "content": text}


def assistant(text: str) -> Json:
    """A message that the model gave before."""
    return {"role": "assistant", "content": text}


def chat(*messages: Json, tokens: int) -> Json:
    """A chat that generates exactly `tokens` tokens, where the server knows ignore_eos."""
    return {"messages": list(messages), "max_tokens": tokens, "temperature": 0, "ignore_eos": True}


def completion(prompt: str, tokens: int) -> Json:
    """A prompt without a chat template."""
    return {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True}


def ranking(query: str, documents: Sequence[str]) -> Json:
    """Documents to be ranked by how well they answer a query."""
    return {"query": query, "documents": list(documents)}
