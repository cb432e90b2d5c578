"""Options of the log, and those that print something and exit."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.values import INT32_MAX
from server.values import flag
from server.values import integer
from server.values import integer_in
from server.values import on_off_auto
from server.values import text

_ACTION = frozenset({Tag.ACTION})
OURS = frozenset({Tag.OURS})

LOG = Section("log", "Log", (
    Option("verbosity", ("-lv", "--verbosity", "--log-verbosity"), integer, 3, "N",
           env="LLAMA_ARG_LOG_VERBOSITY",
           help="what is logged: 0 output only, 1 errors, 2 warnings, 3 information, 4 more of it, "
                "5 everything"),
    Option("verbose", ("-v", "--verbose", "--log-verbose"), flag, False,
           expands=(("verbosity", str(INT32_MAX)),), help="log everything"),
    Option("log_disable", ("--log-disable",), flag, False, help="log nothing"),
    Option("log_file", ("--log-file",), text, "", "FILE", env="LLAMA_ARG_LOG_FILE",
           help="log to this file too"),
    Option("log_jsonl", ("--log-jsonl",), flag, False, negated=("--no-log-jsonl",),
           env="LLAMA_ARG_LOG_JSONL", help="log one JSON object a line to standard output"),
    Option("log_colors", ("--log-colors",), on_off_auto, "auto", "on|off|auto",
           env="LLAMA_ARG_LOG_COLORS", help="colours; auto = on a terminal"),
    Option("log_prefix", ("--log-prefix",), flag, True, negated=("--no-log-prefix",),
           env="LLAMA_ARG_LOG_PREFIX", help="begin lines with their level and origin"),
    Option("log_timestamps", ("--log-timestamps",), flag, True, negated=("--no-log-timestamps",),
           env="LLAMA_ARG_LOG_TIMESTAMPS", help="begin lines with the time"),
    Option("log_access", ("--log-access",), flag, False, negated=("--no-log-access",),
           env="LLAMA_ARG_LOG_ACCESS", tags=OURS,
           help="log a line for each HTTP request; else at -lv 4 only"),
    Option("log_slow_ms", ("--log-slow-ms",), integer_in(0), 0, "MS",
           env="LLAMA_ARG_LOG_SLOW_MS", tags=OURS,
           help="warn of each HTTP request that took so long to be answered; 0 = of none"),
    Option("otel", ("--otel",), flag, False, negated=("--no-otel",), env="LLAMA_ARG_OTEL",
           tags=OURS,
           help="send traces to where OTEL_EXPORTER_OTLP_ENDPOINT says, which alone does it too"),
    Option("step_trace", ("--step-trace",), text, "", "FILE", env="LLAMA_ARG_STEP_TRACE",
           tags=OURS,
           help="write where the time of each of the engine's steps goes, a JSON object a line"),
    Option("log_prompts_dir", ("--log-prompts-dir",), text, "", "DIR",
           help="write every prompt to a file in this directory, to look for errors"),
))  # fmt: skip

ACTIONS = Section("actions", "Print and exit", (
    Option("help", ("-h", "--help", "--usage"), flag, False, tags=_ACTION,
           help="show this text"),
    Option("version", ("--version",), flag, False, tags=_ACTION,
           help="show the versions of llamactl and of llama.cpp"),
    Option("list_devices", ("--list-devices",), flag, False, tags=_ACTION,
           help="list the devices that --device takes, with their memory"),
    Option("cache_list", ("-cl", "--cache-list"), flag, False, tags=_ACTION,
           help="list the models that were fetched before"),
    Option("completion_bash", ("--completion-bash",), flag, False, tags=_ACTION,
           help="print a script that completes options in bash"),
))  # fmt: skip
