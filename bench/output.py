"""Where a run is told and kept: stdout, a plot, a file. It measures and chooses nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import click

from bench.curves import is_swept
from bench.curves import load_picture
from bench.models import cache_directory
from bench.picture import save
from bench.plot import draw
from bench.report import Report
from bench.report import Turn
from bench.report import line
from bench.table import as_markdown
from bench.table import as_text

PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Output:
    """What the command line asked for."""

    as_json: bool = False
    markdown: bool = False
    plot: Path | None = None
    save: Path | None = None

    def begin(self, report: Report) -> None:
        """Before the first turn."""
        if report.machine.is_busy:
            click.secho(
                f"warning: load average {report.machine.load:.2f} on {report.machine.n_cores} "
                "cores: something else is running, and the figures will show it",
                fg="yellow",
                err=True,
            )
        if self.as_json:
            click.echo(b"".join(report.lines()), nl=False)

    def turn(self, turn: Turn) -> None:
        """After every turn."""
        if self.as_json:
            click.echo(line("turn", turn), nl=False)

    def end(self, report: Report) -> None:
        """After the last turn, also of a run that was interrupted."""
        if self.save:
            self.save.parent.mkdir(parents=True, exist_ok=True)
            self.save.write_bytes(b"".join(report.lines()))
            click.echo(f"saved: {self.save}", err=True)
        self.show(report)

    def show(self, report: Report) -> None:
        """The report as table and plot; JSON has been written by then."""
        if self.plot:
            save(load_picture(report) if is_swept(report) else draw(report), self.plot)
            click.echo(f"plot: {self.plot}", err=True)
        if not self.as_json:
            click.echo(as_markdown(report) if self.markdown else as_text(report), nl=False)


def result_path(directory: Path | None, name: str | None) -> Path:
    """A file of that name, else of the time: those are not kept under version control."""
    return (directory or _results()) / f"{name or time.strftime('%Y%m%d-%H%M%S')}.json"


def _results() -> Path:
    """In a checkout beside the package, which is ours to write only there."""
    is_checkout = (PACKAGE.parent / "setup.cfg").is_file()
    return PACKAGE / "results" if is_checkout else cache_directory() / "results"
