"""Options for running in production: what happens under overload, and when something breaks."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.values import flag
from server.values import integer_in

OURS = frozenset({Tag.OURS})

OPERATION = Section("operation", "Overload and faults", (
    Option("queue_max", ("--queue-max",), integer_in(-1), 4096, "N",
           env="LLAMA_ARG_QUEUE_MAX", tags=OURS,
           help="requests that may wait for a slot; more are refused with 429; -1 = no limit"),
    Option("queue_timeout_s", ("--queue-timeout",), integer_in(0), 0, "SECONDS",
           env="LLAMA_ARG_QUEUE_TIMEOUT", tags=OURS,
           help="how long a request may wait for a slot before it is refused with 429; 0 = as "
                "long as its client does"),
    Option("predict_limit", ("--predict-limit",), integer_in(-1), 0, "N",
           env="LLAMA_ARG_PREDICT_LIMIT", tags=OURS,
           help="the most tokens of an answer whose request sets no limit; 0 = as many as its "
                "slot's context holds, also where --context-shift would go on for ever; -1 = any "
                "number"),
    Option("drain_timeout_s", ("--drain-timeout",), integer_in(0), 30, "SECONDS",
           env="LLAMA_ARG_DRAIN_TIMEOUT", tags=OURS,
           help="how long running answers may go on after SIGTERM and SIGUSR2"),
    Option("watchdog_s", ("--watchdog",), integer_in(0), 60, "SECONDS",
           env="LLAMA_ARG_WATCHDOG", tags=OURS,
           help="how long the model or the HTTP side may hang before its process is replaced; "
                "0 = for ever"),
    Option("quarantine", ("--quarantine",), flag, False,
           env="LLAMA_ARG_QUARANTINE", tags=OURS,
           help="refuse prompts that ran in two crashes of the process that holds the model, "
                "unless it has computed them to their end in between"),
))  # fmt: skip
