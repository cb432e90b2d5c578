"""One reason to differ, and where it shows."""

from __future__ import annotations

from dataclasses import dataclass

STATUS = ("status",)
MESSAGE = ("body.error.message",)


@dataclass(frozen=True, slots=True)
class Differs:
    """Some cases that differ for one reason. paths: globs, each of which matches in each case."""

    reason: str
    cases: tuple[str, ...]
    paths: tuple[str, ...] = STATUS
