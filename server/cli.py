"""`llamactl`: the command line.

click finds the command and prints; the options of `serve` are split and resolved by the table in
`server.options`. What can't work is said in one line, with exit code 1, before anything starts.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
from collections.abc import Iterator
from typing import NoReturn

import click
from click.shell_completion import CompletionItem
from click.shell_completion import get_completion_class

from server import __version__
from server import logs
from server.errors import OptionError
from server.errors import ServerError
from server.options.argv import Argument
from server.options.argv import split_argv
from server.options.docs import help_lines
from server.options.pending import PENDING
from server.options.pending import refusal
from server.options.presets import config_presets
from server.options.registry import BY_FLAG
from server.options.registry import BY_KEY
from server.options.resolve import resolve

MAX_HELP_WIDTH = 110
COMPLETE_VARIABLE = "_LLAMACTL_COMPLETE"


class Failure(click.ClickException):
    """One line on standard error, exit code 1."""

    def show(self, file: object = None) -> None:
        """Print the line."""
        click.echo(f"llamactl: {self.message}", err=True)


class TableCommand(click.Command):
    """A command whose options are the rows of the table; click sees its words as they are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the words to `split_argv`."""
        ctx.params["words"] = tuple(args)
        return []

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of --help, grouped by section."""
        width = min(shutil.get_terminal_size().columns, MAX_HELP_WIDTH)
        for line in help_lines(width):
            formatter.write(line + "\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The flags that begin so; the shell's own files where the word is no flag."""
        if not incomplete.startswith("-"):
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(flag) for flag in BY_FLAG if flag.startswith(incomplete)]


def version_text() -> str:
    """The versions of this program and of the llama.cpp that it was built with."""
    return f"llamactl {__version__} (llama.cpp {_llama_commit()})"


def _llama_commit() -> str:
    from llama_ctypes import library
    from llama_ctypes.errors import LlamaError

    try:
        return library.load().commit or "unknown commit"
    except LlamaError as error:
        return str(error)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(version_text())
        ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the versions of llamactl and of llama.cpp.",
)
def main() -> None:
    """Serve GGUF models over HTTP, in the dialects of llama-server."""


@main.command(cls=TableCommand, add_help_option=False, options_metavar="[OPTIONS]")
@click.pass_context
def serve(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Serve one model.

    Options and LLAMA_ARG_* variables are those of llama-server.
    """
    try:
        arguments = split_argv(words)
        _act(ctx, arguments)
        _serve(arguments)
    except ServerError as error:
        raise Failure(str(error)) from None


@main.command(cls=TableCommand, add_help_option=False, options_metavar="[--json] [OPTIONS]")
@click.pass_context
def doctor(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Say what is installed, what is free and what a model would take, before it is served.

    Takes the options of serve, and --json; the exit code is 1 where there is a problem.
    """
    from server.doctor.examine import examine

    try:
        arguments = split_argv([word for word in words if word != "--json"])
        _act(ctx, arguments)
        report = examine(resolve(arguments, os.environ, files=config_presets(os.environ)))
    except ServerError as error:
        raise Failure(str(error)) from None
    if "--json" in words:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        click.echo("\n".join(report.lines()))
    ctx.exit(int(report.has_problem))


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("words", metavar="[URL] [URL] [OPTIONS]", nargs=-1, type=click.UNPROCESSED)
def bench(words: tuple[str, ...]) -> None:
    """Measure a server, or compare two; works with all that speak OpenAI's routes.

    See llamactl bench --help, and docs/howto/bench.md.
    """
    from bench.commands import main as run

    run(words, "llamactl bench")


def _act(ctx: click.Context, arguments: tuple[Argument, ...]) -> None:
    """Do what options that print something ask for, and exit."""
    for key in (BY_FLAG[argument.flag].option.key for argument in arguments):
        if key == "help":
            click.echo(ctx.get_help())
        elif key == "version":
            click.echo(version_text())
        elif key == "list_devices":
            click.echo("\n".join(_device_lines()))
        elif key == "completion_bash":
            click.echo("\n".join(_completion_script()))
        elif BY_KEY[key].is_action and key in PENDING:
            raise OptionError(refusal(BY_KEY[key].flag, PENDING[key]))
        else:
            continue
        ctx.exit()


def _device_lines() -> list[str]:
    from llama_ctypes.errors import LlamaError
    from server.launch import device_lines

    try:
        return list(device_lines())
    except LlamaError as error:
        raise Failure(str(error)) from None


def _completion_script() -> Iterator[str]:
    shell = get_completion_class("bash")
    if shell is not None:
        yield shell(main, {}, "llamactl", COMPLETE_VARIABLE).source()


def _serve(arguments: tuple[Argument, ...]) -> NoReturn:
    # Imported late: --help and a wrong option need neither gunicorn nor gevent.
    from server.checks import check_settings
    from server.listen import open_sockets
    from server.models.source import with_model_file
    from server.tls import server_context

    settings = resolve(arguments, os.environ, files=config_presets(os.environ))
    logs.set_up(settings.log)
    for warning in settings.warnings:
        logging.getLogger("llamactl").warning("%s", warning)
    check_settings(settings)
    settings = with_model_file(settings)
    server_context(settings.http)
    sockets = [] if _has_systemd_sockets() else open_sockets(settings.http)

    gc.disable()  # until all is imported (see EngineArbiter): nothing of it is garbage
    from server.worker import serve as serve_forever

    serve_forever(settings, sockets)
    raise AssertionError("the server leaves by SystemExit")


def _has_systemd_sockets() -> bool:
    return os.environ.get("LISTEN_PID") == str(os.getpid())
