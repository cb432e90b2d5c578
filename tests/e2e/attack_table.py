"""`python -m tests.e2e.attack_table`: attack a server, and write docs/security.md's table of it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e import live
from tests.e2e import models
from tests.e2e.attacks import ASTRAY
from tests.e2e.attacks import ATTACKS
from tests.e2e.attacks import KEY
from tests.e2e.attacks import VICTIMS_KEY
from tests.e2e.attacks import Attack
from tests.e2e.beside import clients_beside
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.guards import ALLOWED
from tests.e2e.guards import GUARDS
from tests.e2e.live import LiveServer

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN = "<!-- written by python -m tests.e2e.attack_table -->"
END = "<!-- end -->"
HEAD = """
| attack | what was sent | answers | took | longest gap of a stream | slowest `/health` |
|---|---|---|---|---|---|
"""
MS_PER_S = 1000
ALL = (*ATTACKS, *GUARDS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attack. Times in seconds."""

    statuses: Counter[str]
    took_s: float
    gap_s: float
    health_s: float


@contextmanager
def started(folder: Path) -> Iterator[LiveServer]:
    """The server that is attacked."""
    model = models.tiny(folder / "tiny.gguf")
    slots = ("-np", "16", "--kv-unified", "-c", "65536", "--chat-template", ASTRAY)
    limits = ("--max-body-mib", "1", "--slot-save-path", folder)
    guards = ("--cors-origins", "localhost", "--allowed-hosts", ALLOWED)
    keys = ("--api-key", f"{KEY},{VICTIMS_KEY}")
    server = live.start(["-m", model, *ONE_THREAD, *slots, *limits, *guards, *keys], folder / "log")
    server.headers["X-Api-Key"] = KEY
    try:
        yield server
        assert server.stop() == 0
    finally:
        server.kill()


def attacked(server: LiveServer, attack: Attack) -> Outcome:
    """Attack a server, with others beside."""
    with clients_beside(server) as waits:
        begin = time.monotonic()
        statuses = Counter(attack.run(server))
        took_s = time.monotonic() - begin
    return Outcome(statuses, took_s, waits.gap_s, waits.health_s)


def row(attack: Attack, outcome: Outcome) -> str:
    """A line of the table."""
    answers = ", ".join(
        f"{status} ({n} times)" if n > 1 else status
        for status, n in sorted(outcome.statuses.items())
    )
    waits = (outcome.took_s, outcome.gap_s, outcome.health_s)
    times = " | ".join(f"{wait * MS_PER_S:,.0f} ms" for wait in waits)
    return f"| {attack.name} | {attack.sent} | {answers} | {times} |\n"


def main() -> None:
    """Attack, and write."""
    with tempfile.TemporaryDirectory(prefix="attacks-") as name, started(Path(name)) as server:
        table = HEAD + "".join(row(attack, attacked(server, attack)) for attack in ALL)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
    print(table)


if __name__ == "__main__":
    main()
