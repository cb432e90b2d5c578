"""`lora` of a request, and of the whole server, -> the adapters that a task computes with.

An activated LoRA (aLoRA) acts from its invocation tokens on: what stands before the last place
where a prompt has them is computed without it, so that it is shared with requests that use no
adapter. Answers to launch_slot_with_task of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from server.engine.modelinfo import AdapterInfo
from server.engine.task import Adapters
from server.engine.task import Tokens
from server.schema.errors import SchemaError
from server.schema.field import BadValue
from server.schema.parsers import to_scales

Scales = tuple[tuple[int, float], ...]
"""(adapter, scale) pairs by ascending id."""


def choose_adapters(
    requested: Scales, defaults: Sequence[float], known: Sequence[AdapterInfo], prompt: Tokens
) -> tuple[Adapters, int]:
    """The adapters for a prompt, and how many of its leading tokens are computed without them.

    requested: all that act, and no others; () = as the server's defaults say, a scale for each.
    SchemaError for adapters that there are not, or that can't act together.
    """
    check_known(requested, known, "Field 'lora'")
    adapters = tuple(pair for pair in requested or enumerate(defaults) if pair[1])
    invocations = [known[i].invocation for i, _ in adapters]
    if not adapters or not all(invocations):
        return adapters, 0
    if len(adapters) > 1:
        raise SchemaError(
            "lora",
            "Cannot run multiple aLoRAs in a single request; choose one, such as"
            f' "lora": [{{"id": {adapters[0][0]}, "scale": 1}}]',
        )
    start = last_place(invocations[0], prompt)
    if start is None:
        return (), 0
    # The token before the invocation is computed with the adapter, as in the reference.
    return adapters, max(0, start - 1)


def parse_server_scales(body: object, known: Sequence[AdapterInfo]) -> tuple[float, ...]:
    """The body of POST /lora-adapters -> a scale for each adapter; those left out are off."""
    if not isinstance(body, list):
        raise SchemaError("", "Request body must be an array")
    try:
        scales = to_scales(body)
    except BadValue as error:
        raise SchemaError("", f"Request body: {error}") from None
    check_known(scales, known, "Request body")
    given = dict(scales)
    return tuple(given.get(i, 0.0) for i in range(len(known)))


def check_known(scales: Scales, known: Sequence[AdapterInfo], where: str) -> None:
    """SchemaError for the first adapter that the server does not have."""
    for i, _ in scales:
        if not 0 <= i < len(known):
            have = f"has 0 to {len(known) - 1}" if known else "was started without --lora"
            raise SchemaError("lora", f"{where}: there is no adapter {i}: this server {have}")


def last_place(wanted: Sequence[int], prompt: Tokens) -> int | None:
    """Where wanted stands in prompt for the last time, as a whole."""
    if len(prompt) < len(wanted):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(prompt, len(wanted))
    places = np.flatnonzero((windows == np.asarray(wanted, np.int32)).all(axis=1))
    return int(places[-1]) if len(places) else None
