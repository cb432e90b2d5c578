"""Options of the store of OpenAI's Responses; llama-server has none."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.values import integer_in
from server.values import text

RESPONSES = Section("responses", "Responses", (
    Option("responses_store", ("--responses-store",), text, "", "PATH",
           env="LLAMA_ARG_RESPONSES_STORE", tags=frozenset({Tag.OURS}),
           shown_default="in memory",
           help="SQLite file that keeps what /v1/responses answered, so that it outlives the "
                "server"),
    Option("responses_store_mib", ("--responses-store-mib",), integer_in(0), 128, "MIB",
           env="LLAMA_ARG_RESPONSES_STORE_MIB", tags=frozenset({Tag.OURS}),
           help="how much is kept; what was used longest ago goes first; 0 = nothing"),
    Option("responses_store_days", ("--responses-store-days",), integer_in(1), 30, "DAYS",
           env="LLAMA_ARG_RESPONSES_STORE_DAYS", tags=frozenset({Tag.OURS}),
           help="how long a response is kept that nobody uses"),
))  # fmt: skip
