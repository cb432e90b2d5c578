"""`python -m bench soak [SECONDS]`."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

import click

from bench import machine
from bench import models
from bench.errors import BenchError
from bench.servers import ours
from bench.servers import running
from bench.soak.adapter import write_adapter
from bench.soak.run import Plan
from bench.soak.run import soak

N_SLOTS = 4
OPTIONS = (
    f"-np {N_SLOTS} -c 8192 -t 2 --kv-unified --cache-ram 8 --metrics --props --embeddings "
    "--pooling mean --lora-init-without-apply --responses-store-mib 4"
)
"""Everything switched on, and little room for what is kept, so that it fills while it warms up."""

TINY = "tiny"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("seconds", type=click.FloatRange(10), default=120.0)
@click.option("--model", default=TINY, metavar="NAME|FILE", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="of what clients do")
@click.option("--common", default="", metavar="ARGS", help="further options of the server")
@click.option("--log", type=click.Path(path_type=Path), help="keep the server's log here")
def main(seconds: float, model: str, seed: int, common: str, log: Path | None) -> None:
    """Put mixed traffic on this llamactl for SECONDS, and see what breaks, grows or leaks.

    All routes; a fifth of the clients leaves early, a twentieth sends what is malformed. Exit code
    1: something was found. The model `tiny` is random and quick, so that there are many requests.
    """
    machine.allow_many_files()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        try:
            path, adapter = _model(model, folder), folder / "adapter.gguf"
            write_adapter(path, adapter)
            options = f"{OPTIONS} --lora {adapter} --slot-save-path {folder} {common}"
            launch = ours(options, ["-m", str(path), "--responses-store", str(folder / "store")])
            with running(launch, log or folder / "log") as server:
                found = soak(server, Plan(seconds, seed, N_SLOTS, 1), _show)
        except BenchError as error:
            raise click.ClickException(str(error)) from error
    _show("")
    click.echo(f"{seconds:g} s on {machine.look().line}")
    click.echo(f"llamactl serve {shlex.join(shlex.split(OPTIONS))}")
    for line in found.lines():
        click.echo(line)
    for problem in found.problems:
        click.echo(f"FOUND: {problem}", err=True)
    sys.exit(1 if found.problems else 0)


def _model(name: str, folder: Path) -> Path:
    if name != TINY:
        return models.resolve(name)
    from tests.e2e.models import tiny  # a checkout has it

    return tiny(folder / "tiny.gguf")


def _show(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{text:60}", nl=False, err=True)
