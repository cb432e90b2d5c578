"""LoRA adapters: which there are, which act, and from where on.

The server has three: the first acts with scale 0.5 unless a request says otherwise, the last one is
activated by INVOCATION.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.compat.cases.making import chat
from tests.compat.cases.making import get
from tests.compat.cases.making import legacy
from tests.compat.cases.making import native
from tests.compat.cases.making import post
from tests.compat.cases.making import raw
from tests.compat.exchange import Request

INVOCATION = (290, 294)
BEFORE = [1, *range(300, 312)]


def lora(*pairs: tuple[int, float]) -> list[dict[str, Any]]:
    return [{"id": adapter, "scale": scale} for adapter, scale in pairs]


ACTIVATED = lora((2, 1))
WHOLE = Request("POST", "/lora-adapters", lora((0, 1)))
HALF = Request("POST", "/lora-adapters", lora((0, 0.5)))

CASES = (
    get("adapters-listed", "/lora-adapters"),
    native("adapters-by-default"),
    native("adapters-none-named", lora=[]),
    native("adapters-off", lora=lora((0, 0))),
    native("adapters-scaled", lora=lora((0, 0.25))),
    native("adapters-another", lora=lora((1, 1))),
    native("adapters-negative", lora=lora((1, -0.5))),
    native("adapters-two", lora=lora((0, 0.5), (1, 0.5))),
    native("adapters-named-twice", lora=lora((0, 1), (0, 0))),
    native("adapters-without-scale", lora=[{"id": 0}]),
    native("adapters-unknown", lora=lora((3, 1))),
    native("adapters-streamed", lora=lora((1, 1)), stream=True),
    legacy("adapters-legacy", lora=lora((1, 1))),
    chat("adapters-chat", lora=lora((1, 1))),
    native("adapters-not-activated", prompt=BEFORE, lora=ACTIVATED),
    native("adapters-activated", prompt=[*BEFORE, *INVOCATION, 320], lora=ACTIVATED),
    native("adapters-activated-base", prompt=[*BEFORE, *INVOCATION, 320], lora=lora((2, 0))),
    native(
        "adapters-activated-at-once",
        prompt=[*INVOCATION, 320],
        lora=ACTIVATED,
        response_fields=["content", "tokens_evaluated"],
    ),
    native("adapters-activated-second", prompt=[1, *INVOCATION, 320], lora=ACTIVATED),
    native(
        "adapters-activated-again",
        prompt=[*BEFORE, *INVOCATION, *BEFORE, *INVOCATION],
        lora=ACTIVATED,
    ),
    native("adapters-activated-half", prompt=[*BEFORE, *INVOCATION], lora=lora((2, 0.5))),
    native("adapters-activated-and-plain", prompt=BEFORE, lora=lora((1, 1), (2, 1))),
    post("adapters-set-to-object", "/lora-adapters", {"id": 0, "scale": 1}),
    raw("adapters-set-to-nonsense", "/lora-adapters", b"["),
    replace(post("adapters-set", "/lora-adapters", []), setup=(HALF,)),
    replace(get("adapters-set-and-listed", "/lora-adapters"), setup=(WHOLE,)),
    replace(native("adapters-set-and-used"), setup=(WHOLE,)),
    replace(post("adapters-set-unknown", "/lora-adapters", lora((3, 1))), setup=(HALF,)),
    replace(post("adapters-set-to-numbers", "/lora-adapters", [1]), setup=(HALF,)),
    replace(
        post("adapters-set-to-text", "/lora-adapters", [{"id": 0, "scale": "x"}]), setup=(HALF,)
    ),
)
