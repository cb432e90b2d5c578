"""Forces calls of tools on a real small model, under each template of llama.cpp's source tree.

    python -m tests.chat.forced MODEL.gguf [--runs 20] [--first 0] [FAMILY...]

SmolLM2 knows none of these formats, which is what makes it a test: only the grammar can make it
call. Each run is done streamed and not, with one seed; the arguments must be valid, and both
answers the same. Prints one line for each family and the sum. A run takes one to five seconds on
one core, so that the whole is no part of the test suite; `tests/chat/test_forced.py` does some.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import Any

import jsonschema
import orjson
from flask.testing import FlaskClient

from server.app import create_app
from server.engine.client import EngineClient
from server.engine.mailbox import Status
from server.launch import start_engine
from server.options.resolve import resolve
from server.options.settings import Settings
from tests.chat.streams import templates_folder

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 12},
        "unit": {"enum": ["C", "F"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 1},
    },
    "required": ["city", "days"],
}
FUNCTION = {"name": "weather", "description": "The weather", "parameters": PARAMETERS}
BODY: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What will the weather be like in Oslo?"}],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    # of these formats' own tokens the model knows none, so that a call is long
    "max_tokens": 384,
    "reasoning_budget_tokens": 8,
    "temperature": 0.8,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("families", nargs="*")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_intermixed_args()
    engine = loaded(start_engine(settings_of(options.model)))
    n_good = n_all = 0
    for path in sorted(templates_folder().glob("*.jinja")):
        if options.families and path.stem not in options.families:
            continue
        template = path.read_text(encoding="utf-8")
        app = create_app(settings_of(options.model, chat_template=template), engine)
        start = time.monotonic()
        seeds = range(options.first, options.first + options.runs)
        faults = faults_of(app.test_client(), seeds)
        n_good += options.runs - len(faults)
        n_all += options.runs
        took = time.monotonic() - start
        print(
            f"{path.stem:50} {options.runs - len(faults)}/{options.runs} {took:5.1f} s", flush=True
        )
        for fault in faults[:3]:
            print(f"    {fault}", flush=True)
    print(f"{n_good}/{n_all}")
    engine.stop(0)


def settings_of(model: str, **options: str) -> Settings:
    """One slot, whose cells nobody else has: equal requests find equal cells, and so equal sums."""
    texts = {"model": model, "ctx-size": "8192", "parallel": "1", "cache-ram": "0"}
    texts |= {"no-kv-unified": "true", "threads": "1", "threads-batch": "2"}
    texts |= {name.replace("_", "-"): text for name, text in options.items()}
    return resolve((), {}, preset=texts)


def loaded(engine: EngineClient) -> EngineClient:
    """Wait for the model."""
    while engine.status is Status.LOADING:
        time.sleep(0.05)
    assert engine.status is Status.READY, engine.status
    return engine


def faults_of(client: FlaskClient, seeds: Iterable[int]) -> list[str]:
    """What was wrong with runs under one template."""
    # a prompt that is computed with its last token alone has other last digits than a whole one
    client.post("/v1/chat/completions", json=BODY | {"max_tokens": 1})
    return [fault for seed in seeds if (fault := tried(client, seed))]


def tried(client: FlaskClient, seed: int) -> str:
    """What was wrong with a run, "" if nothing was."""
    reply = client.post("/v1/chat/completions", json=BODY | {"seed": seed})
    if reply.status_code != 200:
        return reply.text[:300]
    choice = orjson.loads(reply.data)["choices"][0]
    calls = [call["function"] for call in choice["message"].get("tool_calls", ())]
    if len(calls) != 1 or choice["finish_reason"] != "tool_calls":
        return str(choice)[:300]
    try:
        jsonschema.validate(orjson.loads(calls[0]["arguments"]), PARAMETERS)
    except (orjson.JSONDecodeError, jsonschema.ValidationError) as error:
        return f"{calls[0]}: {error}"[:300]
    streamed = streamed_calls(client, seed)
    return "" if streamed == calls else f"streamed {streamed}, else {calls}"[:300]


def streamed_calls(client: FlaskClient, seed: int) -> list[dict[str, str]]:
    """The calls of a streamed answer."""
    reply = client.post("/v1/chat/completions", json=BODY | {"seed": seed, "stream": True})
    calls: list[dict[str, str]] = []
    for line in reply.text.split("\n"):
        if not line.startswith("data: {"):
            continue
        for choice in orjson.loads(line[6:])["choices"]:
            for delta in choice["delta"].get("tool_calls", ()):
                if delta["index"] == len(calls):
                    calls.append({"name": delta["function"]["name"], "arguments": ""})
                calls[delta["index"]]["arguments"] += delta["function"]["arguments"]
    return calls


if __name__ == "__main__":
    main()
