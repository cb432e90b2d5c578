"""Streams that run together, read when the last has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bench.client import Client
from bench.client import Json
from bench.client import together
from bench.stream import RawStream
from bench.stream import Stream
from bench.stream import digest


async def crowd(
    server: Client,
    path: str,
    bodies: Sequence[Json],
    *,
    at_once: int | None = None,
    started: asyncio.Event | None = None,
) -> tuple[list[Stream], float]:
    """The streams in the order of their bodies, and the seconds until all had ended.

    With `at_once`, the next begins when one has ended; `started` is set at the first event of any.
    """
    gate = asyncio.Semaphore(at_once or len(bodies))

    async def one(body: Json) -> RawStream:
        async with gate:
            return await server.raw_stream(path, body, started=started)

    start_s = time.perf_counter()
    raw = await together(one(body) for body in bodies)
    wall_s = time.perf_counter() - start_s
    return [digest(stream) for stream in raw], wall_s
