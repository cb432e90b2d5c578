"""`llamactl bench scale CURVE`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from bench import machine
from bench.errors import BenchError
from bench.errors import UsageError
from bench.output import Output
from bench.output import result_path
from bench.progress import Progress
from bench.report import Turn
from bench.rounds import Listener
from bench.rounds import Plan
from bench.scale.curves import CURVES
from bench.scale.curves import find
from bench.scale.run import LIBRARY
from bench.scale.run import LLAMA_BENCH
from bench.scale.run import Beside
from bench.scale.run import run

EPILOG = "; ".join(f"{curve.name}: {curve.about}" for curve in CURVES)


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.argument("curve", metavar="|".join(curve.name.upper() for curve in CURVES))
@click.option("--model", metavar="NAME|FILE", help="another model")
@click.option("--at", metavar="N,N,...", default="", help="other values")
@click.option("--options", default="", metavar="ARGS", help="further options of the server")
@click.option(
    "-t",
    "--threads",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default="all",
    help="of the server, and of libllama",
)
@click.option(
    "--llama-bench", type=click.Path(path_type=Path), help="llama.cpp's own tool, asked as well"
)
@click.option("-n", "--repeat", type=click.IntRange(1), default=3, show_default=True, help="rounds")
@click.option("--seed", type=int, default=1, show_default=True, help="of the prompts")
@click.option("--limit", type=float, default=600.0, show_default=True, help="seconds for one turn")
@click.option("--markdown", is_flag=True, help="print the table as Markdown")
@click.option("--plot", type=click.Path(path_type=Path), help="draw the curves: .svg, .png")
@click.option("--save", metavar="NAME", help="name of the result's file, to be kept")
@click.option("--results", type=click.Path(path_type=Path), help="where result files go")
def main(
    curve: str,
    model: str | None,
    at: str,
    options: str,
    threads: int,
    llama_bench: Path | None,
    repeat: int,
    seed: int,
    limit: float,
    markdown: bool,
    plot: Path | None,
    save: str | None,
    results: Path | None,
) -> None:
    """Measure this llamactl over one size of the load, beside libllama's own rate.

    Each curve starts its servers itself. `llamactl bench --from` shows its files, too.
    """
    machine.allow_many_files()
    output = Output(markdown=markdown, plot=plot, save=result_path(results, save))
    try:
        stages = find(curve.lower()).stages(model, _values(at))
        n_turns = sum(len(stage.loads) for stage in stages) * repeat
        progress = Progress(sys.stderr, n_turns)
        plan = Plan((), repeat, seed, limit)

        beside = Beside(threads, llama_bench)

        def done(turn: Turn) -> None:
            progress.n_done += turn.server not in (LIBRARY, LLAMA_BENCH)

        report = run(stages, plan, options, beside, Listener(progress.begin, done))
        progress.close()
        output.end(report)
    except BenchError as error:
        raise click.ClickException(str(error)) from error


def _values(text: str) -> list[int]:
    try:
        values = [int(each) for each in text.split(",")] if text else []
    except ValueError as error:
        raise UsageError(f"--at {text}: expected whole numbers, with commas between") from error
    if any(value < 1 for value in values):
        raise UsageError(f"--at {text}: expected positive numbers")
    return values
