"""All scenarios, and how one gets other sizes: `--set parallel.streams=32`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from dataclasses import replace

from bench.errors import UsageError
from bench.scenario import Load
from bench.scenario import Scenario
from bench.scenarios.chat import Chat
from bench.scenarios.connections import Connections
from bench.scenarios.disconnect import Disconnect
from bench.scenarios.distinct import Distinct
from bench.scenarios.embeddings import Embeddings
from bench.scenarios.json_schema import JsonSchema
from bench.scenarios.mixed import Mixed
from bench.scenarios.parallel import Parallel
from bench.scenarios.rerank import Rerank
from bench.scenarios.shared_prefix import SharedPrefix
from bench.scenarios.single import Single
from bench.scenarios.start import Start
from bench.scenarios.steady import Steady
from bench.scenarios.storm import Storm
from bench.scenarios.tools import Tools

SCENARIOS: tuple[Scenario, ...] = (
    Single(),
    Parallel(),
    Steady(),
    SharedPrefix(),
    Distinct(),
    Chat(),
    Mixed(),
    Disconnect(),
    Storm(),
    Connections(),
    JsonSchema(),
    Tools(),
    Embeddings(),
    Rerank(),
    Start(),
)

DEFAULT = ("single", "parallel", "shared_prefix", "distinct", "mixed", "disconnect")


def find(name: str) -> Scenario:
    """The scenario of that name; UsageError lists those that there are."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    known = ", ".join(scenario.name for scenario in SCENARIOS)
    raise UsageError(f"--scenario {name}: there is no such scenario; there are {known}")


def resize(chosen: Sequence[Scenario], settings: Sequence[str]) -> list[Scenario]:
    """The scenarios with the sizes that settings such as `parallel.streams=32` give."""
    by_name = {scenario.name: scenario for scenario in chosen}
    for setting in settings:
        target, _, text = setting.partition("=")
        name, _, field = target.partition(".")
        if name not in by_name:
            raise UsageError(f"--set {setting}: no scenario {name!r} is to be run")
        by_name[name] = _with(by_name[name], field, text, f"--set {setting}")
    return list(by_name.values())


def sweep(chosen: Sequence[Scenario], settings: Sequence[str]) -> list[Load]:
    """The scenarios, those several times that settings such as `parallel.streams=1,2,4` name."""
    names = [scenario.name for scenario in chosen]
    values: dict[str, list[tuple[str, str]]] = {}
    for setting in settings:
        target, _, texts = setting.partition("=")
        name, _, field = target.partition(".")
        if name not in names:
            raise UsageError(f"--sweep {setting}: no scenario {name!r} is to be run")
        if name in values:
            raise UsageError(f"--sweep {setting}: {name} is swept over one size at a time")
        values[name] = [(field, text) for text in texts.split(",")]
    loads: list[Load] = []
    for scenario in chosen:
        if scenario.name not in values:
            loads.append(Load(scenario))
        for field, text in values.get(scenario.name, ()):
            setting = f"{scenario.name}.{field}={text}"
            resized = _with(scenario, field, text, f"--sweep {setting}")
            loads.append(Load(resized, f"{field}={text}"))
    return loads


def sizes(scenario: Scenario) -> str:
    """The sizes as `--set` takes them, without the name: `streams=8 words=40`."""
    return " ".join(f"{name}={getattr(scenario, name)}" for name in _size_names(scenario))


def _size_names(scenario: Scenario) -> list[str]:
    return [field.name for field in fields(scenario)]


def _with(scenario: Scenario, field: str, text: str, setting: str) -> Scenario:
    names = _size_names(scenario)
    if field not in names:
        raise UsageError(f"{setting}: {scenario.name} has {', '.join(names)}")
    kind = type(getattr(scenario, field))
    try:
        value = kind(text)
    except ValueError as error:
        raise UsageError(f"{setting}: expected a number, got {text!r}") from error
    if value < 0 or (kind is int and value < 1):
        raise UsageError(f"{setting}: expected a positive number")
    return replace(scenario, **{field: value})
