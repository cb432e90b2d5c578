"""A profile for people: aligned text, or Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from bench.profile.bars import Profile
from bench.profile.trace import ABOUT
from bench.profile.trace import Step

HEADER = ("part", "what", "mean us", "p50", "p99", "%", "us/row")


def table(
    profile: Profile,
    steps: Sequence[Step],
    n_tokens: int,
    cpu_s: Mapping[str, float],
    *,
    markdown: bool,
) -> str:
    """The parts in their order, and under them what was waited for and by whom."""
    rows = [HEADER, *_rows(profile)]
    if markdown:
        rule = ("---", "---", *["--:"] * (len(HEADER) - 2))
        lines = [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]
    else:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
    said = "\n\n".join(_notes(steps, n_tokens, cpu_s)) if markdown else ""
    said = said or "\n".join(_notes(steps, n_tokens, cpu_s))
    return "\n".join([profile.title, "", *lines, "", said, ""])


def _rows(profile: Profile) -> list[tuple[str, ...]]:
    return [
        (
            part.name,
            ABOUT[part.name],
            f"{part.mean_us:,.1f}",
            f"{part.p50_us:,.1f}",
            f"{part.p99_us:,.1f}",
            f"{part.percent:.1f}",
            f"{part.row_us:,.1f}",
        )
        for part in profile.parts
    ]


def _notes(steps: Sequence[Step], n_tokens: int, cpu_s: Mapping[str, float]) -> list[str]:
    n = len(steps)
    total_us = sum(step.total_us for step in steps) / n
    rows = sum(step.n_rows for step in steps) / n
    waits_us = sum(step.waits_us for step in steps) / n
    decode_us = sum(step.decode_waits_us for step in steps) / n
    said = [
        f"{n:,} steps of {rows:.1f} rows, {total_us:,.1f} us each; of that the thread had no "
        f"processor, or not the interpreter's lock, for {waits_us:,.1f} us, and within libllama "
        f"for {decode_us:,.1f} us."
    ]
    if n_tokens and cpu_s:
        shares = ", ".join(
            f"{whose} {seconds / n_tokens * 1e6:,.0f}" for whose, seconds in sorted(cpu_s.items())
        )
        said.append(f"Processor time a token in us, prompts included: {shares}.")
    return said
