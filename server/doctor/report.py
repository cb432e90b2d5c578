"""What the checks found: one line each, for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import dataclass
from enum import Enum

from server.doctor.layout import Layout


class Level(Enum):
    """How a check ended, the worst last."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    """A server does not start, or does not do what was asked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. text: what is there; where it is not ok also what to do."""

    name: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]
    layout: Layout | None = None
    """What the model would take; None where none was named or it can't be told."""

    @property
    def level(self) -> Level:
        """That of the worst finding."""
        levels = {finding.level for finding in self.findings}
        return next((each for each in reversed(Level) if each in levels), Level.OK)

    @property
    def has_problem(self) -> bool:
        """Whether a server would not start."""
        return self.level is Level.PROBLEM

    def lines(self) -> Iterator[str]:
        """For people."""
        width = max((len(finding.name) for finding in self.findings), default=0)
        for finding in self.findings:
            yield f"{finding.level.value:<7}  {finding.name:<{width}}  {finding.text}"

    def as_json(self) -> dict[str, object]:
        """For programs."""
        checks = [
            {"name": each.name, "level": each.level.value, "text": each.text}
            for each in self.findings
        ]
        layout = None if self.layout is None else asdict(self.layout)
        return {"level": self.level.value, "checks": checks, "memory": layout}


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name, Level.OK, text)


def warning(name: str, text: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(name, Level.WARNING, text)


def problem(name: str, text: str) -> Finding:
    """It does not work."""
    return Finding(name, Level.PROBLEM, text)
