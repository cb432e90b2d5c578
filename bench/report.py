"""What a run measured, and its form in a file: one JSON object a line, in the order of events.

It knows no server and does no arithmetic. A file read back gives the same report, so that tables
and plots can be made again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import orjson

from bench.errors import UsageError
from bench.machine import Machine
from bench.scenario import Metric


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One of the servers, as it describes itself."""

    name: str
    url: str
    command: str = ""  # empty: it was not started here
    build: str = ""
    model: str = ""
    ready_s: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of one scenario on one server."""

    scenario: str
    sizes: str
    server: str
    round: int
    values: dict[str, float] = field(default_factory=dict)
    gaps_ms: tuple[float, ...] = ()
    note: str = ""
    failure: str = ""  # then there are no values
    swept: str = ""  # the size that a sweep gave it: "streams=4"

    @property
    def title(self) -> str:
        """The scenario, and which of its sizes."""
        return f"{self.scenario} {self.swept}".rstrip()


@dataclass(slots=True)
class Report:
    """A whole run."""

    machine: Machine
    servers: list[ServerFacts]
    turns: list[Turn] = field(default_factory=list)

    def values(self, scenario: str, metric: Metric, server: str) -> list[float]:
        """A figure's values in the order of the rounds; nan where a turn did not give it."""
        return [
            turn.values.get(metric.key, math.nan)
            for turn in self.turns_of(scenario, server)
            if not turn.failure
        ]

    def turns_of(self, scenario: str, server: str) -> list[Turn]:
        """The turns of a scenario on a server, by round."""
        found = [t for t in self.turns if (t.title, t.server) == (scenario, server)]
        return sorted(found, key=lambda turn: turn.round)

    def scenarios(self) -> list[str]:
        """The titles of those that were run, in their order."""
        return list(dict.fromkeys(turn.title for turn in self.turns))

    def lines(self) -> Iterator[bytes]:
        """The file's lines."""
        yield line("machine", self.machine)
        for server in self.servers:
            yield line("server", server)
        for turn in self.turns:
            yield line("turn", turn)


def line(kind: str, record: Machine | ServerFacts | Turn) -> bytes:
    """One line of a report, with its line feed."""
    return orjson.dumps({"kind": kind, **asdict(record)}, option=orjson.OPT_APPEND_NEWLINE)


def read(lines: Iterable[bytes]) -> Report:
    """The report of a file's lines; UsageError if they are something else."""
    machine: Machine | None = None
    servers: list[ServerFacts] = []
    turns: list[Turn] = []
    try:
        for each in lines:
            record: dict[str, Any] = orjson.loads(each)
            match record.pop("kind"):
                case "machine":
                    machine = Machine(**record)
                case "server":
                    servers.append(ServerFacts(**record))
                case "turn":
                    turns.append(_turn(record))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--from: not a file that --save wrote: {error}") from error
    if machine is None:
        raise UsageError("--from: not a file that --save wrote: it names no machine")
    return Report(machine, servers, turns)


def _turn(record: dict[str, Any]) -> Turn:
    """JSON has no nan: it was written as null."""
    values = {k: math.nan if v is None else v for k, v in record.pop("values").items()}
    return Turn(**{**record, "gaps_ms": tuple(record["gaps_ms"])}, values=values)
