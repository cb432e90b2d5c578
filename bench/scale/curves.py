"""Which curves there are: what grows, over which values, on which model, with which options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from bench.errors import UsageError
from bench.models import RANDOM
from bench.models import SMOLLM2_Q4_0
from bench.scenario import Load
from bench.scenario import Scenario
from bench.scenarios.connections import Connections
from bench.scenarios.shared_prefix import SharedPrefix
from bench.scenarios.steady import Steady

TINY = f"{RANDOM}-512"


@dataclass(frozen=True, slots=True)
class Stage:
    """A server and what it is asked for."""

    model: str
    n_ctx: int
    n_slots: int
    loads: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One size of the load, over some values. `model` may be chosen unless it is what grows."""

    name: str
    about: str
    scenario: Scenario
    size: str
    values: tuple[int, ...]
    model: str
    n_ctx: int
    n_slots: int
    grows_model: bool = False

    def stages(self, model: str | None = None, values: Sequence[int] = ()) -> list[Stage]:
        """What is to be run; UsageError if the model is not a matter of choice."""
        values = values or self.values
        if self.grows_model:
            if model is not None:
                raise UsageError(f"--model: {self.name} measures models of its own")
            return [
                Stage(f"{RANDOM}-{n}", self.n_ctx, self.n_slots, (self._load(n),)) for n in values
            ]
        loads = tuple(self._load(value) for value in values)
        return [Stage(model or self.model, self.n_ctx, self.n_slots, loads)]

    def _load(self, value: int) -> Load:
        swept = f"{self.size}={value}"
        if self.grows_model:
            return Load(self.scenario, swept)
        sizes: dict[str, Any] = {self.size: value}
        return Load(replace(self.scenario, **sizes), swept)


CURVES = (
    Curve(
        "slots",
        "streams at once, a slot for each",
        Steady(words=16, tokens=96),
        "streams",
        (1, 2, 4, 8, 16, 32),
        SMOLLM2_Q4_0,
        n_ctx=16384,
        n_slots=32,
    ),
    Curve(
        "context",
        "words of the prompt before one stream",
        Steady(streams=1, tokens=96),
        "words",
        (16, 256, 512, 1024, 2048, 4096),
        SMOLLM2_Q4_0,
        n_ctx=8192,
        n_slots=1,
    ),
    Curve(
        "vocabulary",
        "tokens that a model knows; 8 streams, random weights",
        Steady(streams=8, tokens=512),
        "vocabulary",
        (512, 8192, 32768, 131072),
        TINY,
        n_ctx=8192,
        n_slots=8,
        grows_model=True,
    ),
    Curve(
        "connections",
        "streams that are open at once, on 8 slots",
        Connections(tokens=8),
        "streams",
        (1, 10, 100, 1000, 4000),
        TINY,
        n_ctx=8192,
        n_slots=8,
    ),
    Curve(
        "prefix",
        "words of a system prompt that 8 requests share",
        SharedPrefix(),
        "words",
        (50, 100, 200, 400, 800, 1600),
        SMOLLM2_Q4_0,
        n_ctx=16384,
        n_slots=8,
    ),
)


def find(name: str) -> Curve:
    """The curve of that name; UsageError lists those that there are."""
    for curve in CURVES:
        if curve.name == name:
            return curve
    known = ", ".join(curve.name for curve in CURVES)
    raise UsageError(f"{name}: there is no such curve; there are {known}")
