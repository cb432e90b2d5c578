"""The command line of `python -m bench`: which servers, which scenarios, which form of the result.

Results go to stdout, progress and warnings to stderr. It measures nothing itself.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from bench import machine
from bench import models
from bench import scenarios
from bench.errors import BenchError
from bench.errors import UsageError
from bench.facts import facts
from bench.facts import model_id
from bench.output import Output
from bench.output import result_path
from bench.progress import Progress
from bench.report import Report
from bench.report import Turn
from bench.report import read
from bench.rounds import Listener
from bench.rounds import Plan
from bench.rounds import measure
from bench.servers import Launch
from bench.servers import Target
from bench.servers import other
from bench.servers import ours
from bench.servers import running

ALONE = "-c 16384 -np 8"
"""Options of our server where the command line names no server."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("urls", metavar="[URL] [URL]", nargs=-1)
@click.option("--ours", "own", multiple=True, metavar="ARGS", help="start this llamactl with ARGS")
@click.option("--against", multiple=True, metavar="COMMAND", help="start another server")
@click.option("--common", default="", metavar="ARGS", help="ARGS for every server started here")
@click.option(
    "--model",
    metavar="NAME|FILE",
    help=f"-m for every server started here: {', '.join(models.NAMES)}, or a GGUF file",
)
@click.option("--name", "names", multiple=True, help="what to call the servers, in their order")
@click.option("-s", "--scenario", "chosen", multiple=True, metavar="NAME", help="see --list")
@click.option("--set", "sizes", multiple=True, metavar="NAME.SIZE=N", help="another size of load")
@click.option(
    "--sweep", "swept", multiple=True, metavar="NAME.SIZE=N,N,...", help="one size after another"
)
@click.option("-n", "--repeat", type=click.IntRange(1), default=3, show_default=True, help="rounds")
@click.option("--seed", type=int, default=1, show_default=True, help="of the prompts")
@click.option("--limit", type=float, default=600.0, show_default=True, help="seconds for one turn")
@click.option("--api-key", help="sent to every server")
@click.option("--served-model", default="", help="the model to ask for (default: the first)")
@click.option("--strict", is_flag=True, help="send no field that OpenAI's API does not have")
@click.option("--different-text", is_flag=True, help="compare servers that answer differently too")
@click.option("--json", "as_json", is_flag=True, help="print JSON lines instead of a table")
@click.option("--markdown", is_flag=True, help="print the table as Markdown")
@click.option("--plot", type=click.Path(path_type=Path), help="draw gaps, or a sweep: .svg, .png")
@click.option("--save", metavar="NAME", help="name of the result's file, to be kept")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="where result files go (default: bench/results, or the cache)",
)
@click.option("--from", "source", type=click.Path(path_type=Path), help="show a file of results")
@click.option("--list", "list_", is_flag=True, help="list the scenarios and their sizes")
def main(
    urls: tuple[str, ...],
    own: tuple[str, ...],
    against: tuple[str, ...],
    common: str,
    model: str | None,
    names: tuple[str, ...],
    chosen: tuple[str, ...],
    sizes: tuple[str, ...],
    swept: tuple[str, ...],
    repeat: int,
    seed: int,
    limit: float,
    api_key: str | None,
    served_model: str,
    strict: bool,
    different_text: bool,
    as_json: bool,
    markdown: bool,
    plot: Path | None,
    save: str | None,
    results: Path | None,
    source: Path | None,
    list_: bool,
) -> None:
    """Measure one server, or compare two in alternating rounds.

    Servers are URLs of running ones, --ours, --against; the first is divided by the second. Without
    any, this llamactl is measured with a small model.
    """
    if list_:
        _list()
        return
    output = Output(as_json, markdown, plot, result_path(results, save))
    try:
        if source and as_json:
            raise UsageError("--json: the file of --from is JSON already")
        if source:
            _show(output, source)
            return
        selected = [scenarios.find(name) for name in chosen or scenarios.DEFAULT]
        selected = scenarios.resize(selected, sizes)
        plan = Plan(
            tuple(scenarios.sweep(selected, swept)),
            repeat,
            seed,
            limit,
            api_key=api_key,
            may_differ=different_text,
            is_strict=strict,
        )
        if not (urls or own or against):
            own, model = (ALONE,), model or models.SMOLLM2_Q4_0
        started = _launches(own, against, common, model)
        found = [replace(_target(url), model_id=served_model) for url in urls]
        _run([*found, *started], names, plan, output)
    except BenchError as error:
        raise click.ClickException(str(error)) from error


def _list() -> None:
    for scenario in scenarios.SCENARIOS:
        default = "" if scenario.name in scenarios.DEFAULT else "  (only when named)"
        first_line = (scenario.__doc__ or "").splitlines()[0]
        click.echo(f"{scenario.name:14} {first_line}{default}")
        click.echo(f"{'':14}   {scenarios.sizes(scenario)}")


def _show(output: Output, source: Path) -> None:
    try:
        lines = source.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"--from {source}: {error.strerror}") from error
    output.show(read(lines))


def _target(url: str) -> Target:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url}: expected the URL of a server, such as http://127.0.0.1:8080")
    return Target(parts.netloc, url.rstrip("/"))


def _launches(
    own: Sequence[str], against: Sequence[str], common: str, model: str | None
) -> list[Launch]:
    if not (own or against):
        if common or model:
            raise UsageError("--common and --model are for --ours and --against")
        return []
    extra = shlex.split(common)
    if model:
        extra += ["-m", str(models.resolve(model))]
    return [*(ours(text, extra) for text in own), *(other(text, extra) for text in against)]


def _run(
    servers: Sequence[Target | Launch], names: Sequence[str], plan: Plan, output: Output
) -> None:
    """Start what is to be started, measure, stop it, and show the result."""
    if len(servers) > 2:
        raise UsageError(f"{len(servers)} servers are named; one is measured, or two are compared")
    machine.allow_many_files()
    progress = Progress(sys.stderr, len(plan.loads) * plan.rounds * len(servers))
    seen = machine.look()
    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stack.callback(progress.close)
        targets: list[Target] = []
        for server, name in zip(servers, _names(servers, names), strict=True):
            named = replace(server, name=name)
            if isinstance(named, Launch):
                progress.show(f"starting {name}")
                named = stack.enter_context(running(named, logs / f"{len(targets)}.log"))
            if not named.model_id:
                named = replace(named, model_id=asyncio.run(model_id(named, plan.api_key)))
            targets.append(named)
        report = Report(seen, [asyncio.run(facts(target, plan.api_key)) for target in targets])
        output.begin(report)
        _measure(targets, plan, progress, output, report)
    output.end(report)


def _measure(
    targets: Sequence[Target], plan: Plan, progress: Progress, output: Output, report: Report
) -> None:
    """Fill the report; Ctrl-C ends the measurement and keeps what there is."""

    def done(turn: Turn) -> None:
        report.turns.append(turn)
        output.turn(turn)
        progress.done()

    try:
        asyncio.run(measure(targets, plan, Listener(progress.begin, done)))
    except KeyboardInterrupt:
        if not report.turns:
            raise
        click.echo("interrupted: the result holds what was measured until then", err=True)


def _names(servers: Sequence[Target | Launch], given: Sequence[str]) -> list[str]:
    """The names given, then the servers' own; a number is added to those that repeat."""
    if len(given) > len(servers):
        raise UsageError(f"--name: {len(given)} names for {len(servers)} servers")
    names: list[str] = []
    for i, server in enumerate(servers):
        name = given[i] if i < len(given) else server.name
        names.append(f"{name} {i + 1}" if name in names else name)
    return names
