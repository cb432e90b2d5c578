"""Options of servers for embeddings and reranking."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.values import flag
from server.values import integer_in
from server.values import one_of

POOLINGS = ("none", "mean", "cls", "last", "rank")

EMBEDDING = Section("embedding", "Embeddings", (
    Option("embedding", ("--embedding", "--embeddings"), flag, False, env="LLAMA_ARG_EMBEDDINGS",
           help="serve embeddings only; for models made for that"),
    Option("rerank", ("--rerank", "--reranking"), flag, False, env="LLAMA_ARG_RERANKING",
           expands=(("embedding", "on"), ("pooling", "rank")),
           help="serve reranking; the same as --embedding --pooling rank"),
    Option("pooling", ("--pooling",), one_of(*POOLINGS), "", "TYPE", env="LLAMA_ARG_POOLING",
           shown_default="from the model", tags=frozenset({Tag.REMOTE_PRESET}),
           help=f"how token embeddings become one: {', '.join(POOLINGS)}"),
    Option("embd_normalize", ("--embd-normalize",), integer_in(-1), 2, "N",
           help="norm of embeddings: -1 none, 0 largest value as int16, 1 taxicab, 2 euclidean, "
                "above that the p-norm"),
    Option("exact_embeddings", ("--exact-embeddings",), flag, False,
           env="LLAMA_ARG_EXACT_EMBEDDINGS", tags=frozenset({Tag.OURS}),
           help="compute embeddings to llama-server's last bit; otherwise encoders in F16 are "
                "computed in fixed point, faster, and differ in the fourth digit"),
))  # fmt: skip
