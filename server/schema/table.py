"""The request table: all rows, and what is derived from them.

`docs.py` writes the reference page from it, `json_schema` the description for OpenAPI.
"""

from __future__ import annotations

from server.schema import rows_format
from server.schema import rows_request
from server.schema import rows_sampling
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
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


def json_schema() -> dict[str, object]:
    """A JSON Schema of native bodies. Soft limits are no part of it: those values are accepted."""
    top: dict[str, object] = {}
    nested: dict[str, dict[str, object]] = {}
    for row in FIELDS:
        properties = nested.setdefault(row.parent, {}) if row.parent else top
        for name in (row.name, *row.aliases):
            properties[name] = _property(row, name)
    for parent, properties in nested.items():
        top[parent] = {"type": ["object", "null"], "properties": properties}
    return {"type": "object", "required": ["prompt"], "properties": top}


def _property(row: Field, name: str) -> dict[str, object]:
    described = row.help if name == row.name else f"The same as `{row.name}`."
    if row.kind is Kind.JSON:
        form = dict(row.form or {})
        if row.name == "prompt":
            return form | {"description": described}
        return {"anyOf": [form, {"type": "null"}], "description": described}
    spec: dict[str, object] = {"type": [row.kind.value, "null"], "description": described}
    if row.hard is not None:
        spec |= {"minimum": row.hard[0], "maximum": row.hard[1]}
    return spec
