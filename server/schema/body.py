"""One kind of request body: its rows, the JSON Schema that they make, and the check by it.

A body's own rows are checked by that schema, compiled once. The fields of a completion that a body
takes beside them are only described here: `completion` reads those, with the numbers' leniency that
no JSON Schema can say. It knows no route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property

from server.schema.field import Field
from server.schema.field import Kind
from server.schema.form import Form

Json = dict[str, object]


@dataclass(frozen=True, eq=False)
class BodySchema:
    """A body that is a JSON object. Unknown fields are ignored, and null is as good as absent."""

    name: str
    """Its name among the schemas of the API description."""

    help: str
    """What it is for, in a sentence."""

    rows: tuple[Field, ...] = ()
    """Its own fields."""

    required: tuple[str, ...] = ()
    completion: tuple[Field, ...] = ()
    """Fields of a completion request that it takes too."""

    example: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def form(self) -> Form:
        """The schema of its own fields, compiled."""
        return Form(object_schema(self.rows, self.required))

    def check(self, body: Mapping[str, object]) -> None:
        """SchemaError for the first own field that is wrong or missing."""
        self.form.check(body)

    def json_schema(self) -> Json:
        """All of it. Soft limits are no part of it: such values are accepted."""
        own = {name for row in self.rows for name in (row.name, *row.aliases)}
        others = tuple(row for row in self.completion if row.name not in own)
        schema = object_schema(self.rows + others, self.required)
        return {"description": self.help, **schema}


@dataclass(frozen=True, eq=False)
class ArraySchema:
    """A body that is a JSON array."""

    name: str
    help: str
    items: Mapping[str, object]
    example: tuple[object, ...] = ()

    def json_schema(self) -> Json:
        """All of it."""
        return {"description": self.help, "type": "array", "items": dict(self.items)}


def object_schema(rows: tuple[Field, ...], required: tuple[str, ...] = ()) -> Json:
    """A JSON Schema of objects with these fields."""
    top: Json = {}
    nested: dict[str, Json] = {}
    for row in rows:
        properties = nested.setdefault(row.parent, {}) if row.parent else top
        for name in (row.name, *row.aliases):
            properties[name] = _property(row, name, is_required=name in required)
    for parent, properties in nested.items():
        top[parent] = {"type": ["object", "null"], "properties": properties}
    return {"type": "object", "required": [*required], "properties": top}


def _property(row: Field, name: str, *, is_required: bool) -> Json:
    described = row.help if name == row.name else f"The same as `{row.name}`."
    if row.kind is Kind.JSON:
        form = dict(row.form or {})
        return (form if is_required else nullable(form)) | {"description": described}
    kinds = row.kind.value if is_required else [row.kind.value, "null"]
    spec: Json = {"type": kinds, "description": described}
    if row.hard is not None:
        spec |= {"minimum": row.hard[0], "maximum": row.hard[1]}
    return spec


def nullable(form: Json) -> Json:
    """A form that takes null too."""
    kinds = form.get("type")
    if "enum" in form and kinds == "string":
        values = form["enum"]
        assert isinstance(values, list)
        return form | {"type": ["string", "null"], "enum": [*values, None]}
    if kinds is None or "enum" in form or "const" in form:
        return {"anyOf": [form, {"type": "null"}]} if form else {}
    every = kinds if isinstance(kinds, list) else [kinds]
    return form | {"type": every if "null" in every else [*every, "null"]}
