"""The report for people: aligned text for a terminal, and Markdown to paste."""

from __future__ import annotations

from bench.report import Report
from bench.report import ServerFacts
from bench.summary import cells
from bench.summary import header
from bench.summary import notes
from bench.summary import summarize

LEFT_COLUMNS = 2  # the names; figures are aligned at the right


def as_text(report: Report) -> str:
    """The machine, the servers, and the table."""
    table = [header(report), *map(cells, summarize(report))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [f"machine  {report.machine.line}"]
    lines += [f"server   {server.name}: {_describe(server)}" for server in report.servers]
    lines += ["", _align(table[0], widths), "  ".join("─" * width for width in widths)]
    previous = ""
    for row in table[1:]:
        shown = row if row[0] != previous else ["", *row[1:]]
        lines.append(_align(shown, widths))
        previous = row[0]
    return "\n".join([*lines, *_footer(report)]) + "\n"


def as_markdown(report: Report) -> str:
    """The same as a Markdown table, with the facts as a list before it."""
    columns = header(report)
    rule = ["---" if i < LEFT_COLUMNS else "--:" for i in range(len(columns))]
    lines = [f"* {report.machine.line}"]
    lines += [f"* {server.name}: {_describe(server)}" for server in report.servers]
    lines += ["", *map(_markdown_row, [columns, rule, *map(cells, summarize(report))])]
    return "\n".join([*lines, *_footer(report)]) + "\n"


def _footer(report: Report) -> list[str]:
    rounds = max((turn.round + 1 for turn in report.turns), default=0)
    said = []
    if rounds > 1:
        said.append(
            f"Medians of {rounds} rounds (lowest to highest); ratios are taken in each round."
        )
    return ["", *said, *notes(report)] if said or notes(report) else []


def _describe(server: ServerFacts) -> str:
    parts = [server.model, server.build and f"build {server.build}"]
    parts += [f"ready after {server.ready_s:.2f} s" if server.ready_s is not None else ""]
    parts += [f"`{server.command}`" if server.command else server.url]
    return ", ".join(filter(None, parts))


def _align(row: list[str], widths: list[int]) -> str:
    padded = [
        cell.ljust(width) if i < LEFT_COLUMNS else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _markdown_row(row: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
