"""The HTTP client of the scenarios: streams with arrival times, and plain requests, over aiohttp.

Every request has a connection of its own, as short-lived clients have. It does not know what a
scenario is for; it turns refusals and broken connections into ScenarioFailed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Coroutine
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import asynccontextmanager
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from typing import TypeVar

import aiohttp
import orjson

from bench.errors import ScenarioFailed
from bench.sse import SseParser
from bench.stream import Arrival
from bench.stream import RawStream
from bench.stream import Stream
from bench.stream import digest
from bench.stream import piece_of

CONNECT_TIMEOUT_S = 60.0
OUR_FIELDS = frozenset({"ignore_eos"})
"""What requests hold that OpenAI's API has not."""

Json = Any
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Client:
    """One server, and the session to reach it."""

    url: str
    session: aiohttp.ClientSession
    model: str = ""  # sent with every request; empty: the server needs no name
    is_strict: bool = False  # the server takes OpenAI's own fields only

    async def stream(
        self,
        path: str,
        body: Json,
        *,
        stop_after: int | None = None,
        started: asyncio.Event | None = None,
    ) -> Stream:
        """POST with stream; go away after `stop_after` pieces; set `started` at the first event."""
        return digest(await self.raw_stream(path, body, stop_after=stop_after, started=started))

    async def raw_stream(
        self,
        path: str,
        body: Json,
        *,
        stop_after: int | None = None,
        started: asyncio.Event | None = None,
    ) -> RawStream:
        """`stream`, to be read later with `digest`: reading takes time that others would miss."""
        asked = {**self._asked(body), "stream": True, "stream_options": {"include_usage": True}}
        arrivals: list[Arrival] = []
        start_s = time.perf_counter()
        with _failures(path):
            async with self.session.post(self.url + path, data=orjson.dumps(asked)) as response:
                await _check(path, response)
                async for arrival in _events(response):
                    arrivals.append(arrival)
                    if started is not None:
                        started.set()
                    if stop_after and piece_of(arrival.payload):
                        stop_after -= 1
                        if not stop_after:
                            response.close()
                            return RawStream(start_s, time.perf_counter(), tuple(arrivals), True)
        return RawStream(start_s, time.perf_counter(), tuple(arrivals), False)

    async def post(self, path: str, body: Json) -> Json:
        """POST and the answer as JSON."""
        with _failures(path):
            data = orjson.dumps(self._asked(body))
            async with self.session.post(self.url + path, data=data) as response:
                await _check(path, response)
                return orjson.loads(await response.read())

    async def get(self, path: str) -> Json:
        """GET and the answer as JSON."""
        with _failures(path):
            async with self.session.get(self.url + path) as response:
                await _check(path, response)
                return orjson.loads(await response.read())

    async def knows(self, path: str) -> bool:
        """Whether the server has that route, to be read."""
        try:
            await self.get(path)
        except ScenarioFailed:
            return False
        return True

    def _asked(self, body: Json) -> Json:
        kept = {key: body[key] for key in body if not (self.is_strict and key in OUR_FIELDS)}
        return {"model": self.model, **kept} if self.model else kept


@asynccontextmanager
async def connect(
    url: str, api_key: str | None = None, *, model: str = "", is_strict: bool = False
) -> AsyncIterator[Client]:
    """A client for one server; as many connections as are asked for."""
    headers = {"Content-Type": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
        headers=headers,
    ) as session:
        yield Client(url.rstrip("/"), session, model, is_strict)


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, in their order; the first failure cancels the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Arrival]:
    parser = SseParser()
    async for piece in response.content.iter_any():
        at_s = time.perf_counter()
        for payload in parser.feed(piece):
            yield Arrival(at_s, payload)


async def _check(path: str, response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        said = (await response.text())[:300]
        raise ScenarioFailed(f"{path}: the server answered {response.status}: {said}")


@contextmanager
def _failures(path: str) -> Iterator[None]:
    """What goes wrong on the wire is a failure of the server's, not of this program."""
    try:
        yield
    except (aiohttp.ClientError, OSError, orjson.JSONDecodeError) as error:
        raise ScenarioFailed(f"{path}: {type(error).__name__}: {error}") from error
