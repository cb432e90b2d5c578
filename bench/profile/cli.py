"""`llamactl bench profile`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from bench import models
from bench.errors import BenchError
from bench.errors import UsageError
from bench.picture import save
from bench.profile.bars import Profile
from bench.profile.bars import draw
from bench.profile.run import Load
from bench.profile.run import rounds
from bench.profile.table import table
from bench.profile.trace import Step
from bench.profile.trace import chrome
from bench.profile.trace import parts
from bench.profile.trace import read
from bench.scenarios.steady import Steady

DEFAULT_OPTIONS = "-c 16384 -np 8"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", default=models.SMOLLM2_Q4_0, metavar="NAME|FILE", show_default=True)
@click.option("--options", default=DEFAULT_OPTIONS, metavar="ARGS", show_default=True)
@click.option("--streams", default="1,8", metavar="N,N,...", show_default=True)
@click.option("--words", type=click.IntRange(1), default=16, show_default=True, help="of a prompt")
@click.option("--tokens", type=click.IntRange(2), default=128, show_default=True, help="a stream")
@click.option("-n", "--repeat", type=click.IntRange(1), default=3, show_default=True, help="rounds")
@click.option("--markdown", is_flag=True, help="print tables as Markdown")
@click.option("--plot", type=click.Path(path_type=Path), help="draw the parts: .svg, .png")
@click.option("--chrome", "chrome_path", type=click.Path(path_type=Path), help="for Perfetto")
@click.option("--from", "source", type=click.Path(path_type=Path), help="a file of --step-trace")
def main(
    model: str,
    options: str,
    streams: str,
    words: int,
    tokens: int,
    repeat: int,
    markdown: bool,
    plot: Path | None,
    chrome_path: Path | None,
    source: Path | None,
) -> None:
    """Say where the time of a step of this llamactl goes, or did in a server's trace."""
    profiles: list[Profile] = []
    try:
        steps: list[Step] = []
        if source:
            steps = _steps(source)
            profiles.append(_show(f"all steps of {source.name}", steps, markdown))
        else:
            load = Load(models.resolve(model), options, Steady(1, words, tokens), repeat)
            counts = _counts(streams)
            measured = rounds(load, counts, lambda text: click.echo(text, err=True))
            for n, each in zip(counts, measured, strict=True):
                steps += each.steps
                title = f"{n} stream{'s' * (n > 1)}"
                profiles.append(_show(title, each.steps, markdown, each.n_tokens, each.cpu_s))
        if plot:
            save(draw(profiles), plot)
            click.echo(f"plot: {plot}", err=True)
        if chrome_path:
            chrome_path.write_bytes(chrome(steps))
            click.echo(f"trace: {chrome_path}", err=True)
    except BenchError as error:
        raise click.ClickException(str(error)) from error


def _show(
    title: str,
    steps: Sequence[Step],
    markdown: bool,
    n_tokens: int = 0,
    cpu_s: dict[str, float] | None = None,
) -> Profile:
    found = Profile(title, tuple(parts(steps)))
    click.echo(table(found, steps, n_tokens, cpu_s or {}, markdown=markdown))
    return found


def _steps(source: Path) -> list[Step]:
    try:
        with source.open("rb") as lines:
            steps = read(lines)
    except OSError as error:
        raise UsageError(f"--from {source}: {error.strerror}") from error
    if not steps:
        raise UsageError(f"--from {source}: it holds no step")
    return steps


def _counts(text: str) -> list[int]:
    try:
        counts = [int(each) for each in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--streams {text}: expected whole numbers") from error
    if any(count < 1 for count in counts):
        raise UsageError(f"--streams {text}: expected positive numbers")
    return counts
