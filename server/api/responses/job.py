"""A wish -> a job of the engine, with what is left of a conversation that is too long."""

from __future__ import annotations

from collections.abc import Sequence

from server.api.chat_prompt import chat_job
from server.api.chat_prompt import count_chat_tokens
from server.api.errors import ExceedsContext
from server.api.ids import new_id
from server.api.job import Job
from server.api.responses.items import Item
from server.api.responses.request import Wish
from server.api.responses.request import chat_of
from server.api.responses.request import in_own_words
from server.api.service import Service

ROOM_SHARE, MOST_ROOM_SHARE = 4, 2
"""Of a context, what a shortened conversation leaves to the answer: one in so many tokens, or as
many as may be generated, but no more than one in two."""


def count_tokens(service: Service, wish: Wish) -> int:
    """How many tokens the prompt of a wish has."""
    chat, told = chat_of(wish, [*wish.earlier, *wish.items])
    with in_own_words(wish, told):
        return count_chat_tokens(service, chat)


def make_response_job(service: Service, wish: Wish) -> Job:
    """The job of a wish. ExceedsContext, where nothing may be left out or that is not enough."""
    response_id = new_id("resp_")
    items = [*wish.earlier, *wish.items]
    try:
        return _job(service, wish, items, response_id)
    except ExceedsContext:
        if not wish.may_truncate:
            raise
    return _shortened(service, wish, items, response_id)


def _job(service: Service, wish: Wish, items: Sequence[Item], response_id: str) -> Job:
    chat, told = chat_of(wish, items)
    with in_own_words(wish, told):
        return chat_job(service, chat, response_id)


def _shortened(service: Service, wish: Wish, items: Sequence[Item], response_id: str) -> Job:
    """The job of as many of the last turns as leave room for an answer; the last one at least."""
    n_head = _n_head(items)
    head, rest = items[:n_head], items[n_head:]
    turns = [i for i, item in enumerate(rest) if item.get("role") == "user" and i > 0]
    n_ctx = service.model().info.n_ctx_slot
    room = min(wish.body.get("max_output_tokens") or n_ctx // ROOM_SHARE, n_ctx // MOST_ROOM_SHARE)
    found: Job | None = None
    low, high = 0, len(turns)
    while low < high:
        middle = (low + high) // 2
        try:
            job = _job(service, wish, [*head, *rest[turns[middle] :]], response_id)
        except ExceedsContext:
            low = middle + 1
            continue
        if len(job.tasks[0].prompt) + room > n_ctx:
            low = middle + 1
        else:
            found, high = job, middle
    if found is not None:
        return found
    return _job(service, wish, [*head, *rest[turns[-1] if turns else 0 :]], response_id)


def _n_head(items: Sequence[Item]) -> int:
    """The system's messages at the beginning, which stay."""
    roles = [item.get("role") for item in items]
    return next((i for i, role in enumerate(roles) if role not in ("system", "developer")), 0)
