"""What a server says of itself. Those that have no /props are asked by OpenAI's list of models."""

from __future__ import annotations

import asyncio

from bench.client import Client
from bench.client import Json
from bench.client import connect
from bench.errors import ScenarioFailed
from bench.report import ServerFacts
from bench.servers import Target

TIMEOUT_S = 30.0


async def facts(target: Target, api_key: str | None = None) -> ServerFacts:
    """Little, if it says little. Of paths the last name, as results are passed on."""
    async with connect(target.url, api_key) as client:
        props = await _told(client, "/props")
        model = str(props.get("model_path") or "") or await _first_model(client)
    build = str(props.get("build_info") or "")
    name = model.rpartition("/")[2]
    return ServerFacts(target.name, target.url, target.command, build, name, target.ready_s)


async def model_id(target: Target, api_key: str | None = None) -> str:
    """What requests have to call the model; empty where the server has no list of models."""
    async with connect(target.url, api_key) as client:
        return await _first_model(client)


async def _first_model(client: Client) -> str:
    models = (await _told(client, "/v1/models")).get("data") or [{}]
    return str(models[0].get("id") or "")


async def _told(client: Client, path: str) -> dict[str, Json]:
    try:
        told = await asyncio.wait_for(client.get(path), TIMEOUT_S)
    except (ScenarioFailed, asyncio.TimeoutError):
        return {}
    return told if isinstance(told, dict) else {}
