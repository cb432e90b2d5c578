"""Texts -> vectors: what `/embeddings` and `/rerank` have in common.

Tokens go to the engine as tasks, one a text, and come back as arrays. Answers to
handle_embeddings_impl of llama.cpp `tools/server/server-context.cpp` and to common_embd_normalize
of `common/common.cpp`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from server.api.admission import current_client
from server.api.errors import error_from
from server.api.service import Service
from server.api.session import Session
from server.engine.task import Adapters
from server.engine.task import Embedded
from server.engine.task import EmbeddingTask
from server.engine.task import Failed
from server.engine.task import Tokens
from server.engine.task import Vectors

INT16_RANGE = 32760.0
"""What the largest value becomes with the norm 0."""

log = logging.getLogger("llamactl.requests")


def embed(service: Service, prompts: Sequence[Tokens]) -> list[Embedded]:
    """One result for each prompt, in their order; the first failure is the answer to all."""
    started = time.monotonic()
    adapters = _adapters(service)
    client = current_client()
    owner = "" if client is None else client.owner
    next_id = service.engine.next_task_id
    tasks = [EmbeddingTask(next_id(), each, adapters, owner=owner) for each in prompts]
    results: dict[int, Embedded] = {}
    with closing(Session(service, service.engine.embed(tasks), [t.id for t in tasks])) as session:
        while not session.is_done:
            event = session.get(None)
            if isinstance(event, Failed):
                raise error_from(event)
            if isinstance(event, Embedded):
                results[event.task_id] = event
    found = [results[task.id] for task in tasks]
    ms = (time.monotonic() - started) * 1e3
    log.info("%d texts, %d tokens: embedded in %.1f ms", len(found), n_tokens(found), ms)
    return found


def n_tokens(results: Sequence[Embedded]) -> int:
    """Tokens of all texts."""
    return sum(result.n_prompt for result in results)


def normalized(vectors: Vectors, norm: int) -> Vectors:
    """(n, n_embd) with the norm of each row made 1; see --embd-normalize."""
    if norm < 0:
        return vectors
    sizes = np.abs(vectors.astype(np.float64))
    if norm == 0:
        lengths = sizes.max(axis=1) / INT16_RANGE
    elif norm == 2:
        lengths = np.sqrt((sizes * sizes).sum(axis=1))
    else:
        lengths = (sizes**norm).sum(axis=1) ** (1.0 / norm)
    with np.errstate(divide="ignore"):
        factors = np.where(lengths > 0, 1.0 / lengths, 0.0).astype(np.float32)
    return vectors * factors[:, np.newaxis]


def _adapters(service: Service) -> Adapters:
    """Those that act on everything; one that its tokens activate is for generation."""
    infos = service.model().info.adapters
    scales = enumerate(service.lora_scales)
    return tuple((i, scale) for i, scale in scales if scale and not infos[i].invocation)
