"""The request table of completions: all rows, and the values that they start from.

`bodies.py` says which body takes them, `docs.py` writes the reference page.
"""

from __future__ import annotations

from server.schema import rows_format
from server.schema import rows_request
from server.schema import rows_sampling
from server.schema.field import Field
from server.schema.field import Into
from server.schema.params import CompletionParams
from server.schema.params import RequestDefaults

FIELDS: tuple[Field, ...] = rows_request.ROWS + rows_sampling.ROWS + rows_format.ROWS
"""Every field of a native body."""


def base_params(defaults: RequestDefaults) -> CompletionParams:
    """What a request that says nothing gets."""
    return CompletionParams(
        sampling=defaults.sampling,
        n_predict=defaults.n_predict,
        n_keep=defaults.n_keep,
        cache_prompt=defaults.cache_prompt,
        n_cache_reuse=defaults.n_cache_reuse,
        stop=defaults.stop,
        sse_ping_interval=defaults.sse_ping_interval,
        reasoning_format=defaults.reasoning_format,
        speculative_types=defaults.speculative_types,
        verbose=defaults.verbose,
    )


def default_of(row: Field, defaults: RequestDefaults) -> object:
    """The value of a field that a request leaves out; None where nothing stands for it."""
    params = base_params(defaults)
    if row.into is Into.NOWHERE:
        return None
    return getattr(params.sampling if row.into is Into.SAMPLING else params, row.target)
