"""What a `$ref` refers to, within its document: nothing is ever fetched.

Knows pointers, anchors and embedded schemas with a name of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from urllib.parse import urldefrag
from urllib.parse import urljoin

from server.grammar.dialect import Dialect
from server.grammar.dialect import Json
from server.grammar.dialect import escaped
from server.grammar.errors import SchemaRefused


@dataclass(frozen=True, slots=True)
class Place:
    """A schema in the document. pointer: from the document; base: the URI that it is read under."""

    schema: Any
    pointer: str
    base: str
    depth: int = 0

    def child(self, schema: Any, *path: object) -> Place:
        """A schema within this one."""
        pointer = self.pointer + "".join(f"/{escaped(part)}" for part in path)
        return Place(schema, pointer, self.base, self.depth + 1)


class References:
    """All names in a document."""

    def __init__(self, document: Json, dialect: Dialect) -> None:
        self._id_keyword = dialect.id_keyword
        self._resources: dict[str, tuple[Json, str]] = {}
        """Schemas with a name, by URI, and where they stand."""
        self._anchors: dict[str, tuple[Json, str]] = {}
        self.root = Place(document, "", self._base_of(document, ""))
        self._resources[self.root.base] = (document, "")
        self._collect(document, "", self.root.base)

    def enter(self, place: Place) -> Place:
        """The place with the base that its schema sets."""
        base = self._base_of(place.schema, place.base)
        return (
            place if base == place.base else Place(place.schema, place.pointer, base, place.depth)
        )

    def resolve(self, reference: object, place: Place) -> Place:
        """SchemaRefused where there is no such schema in the document."""
        uri, fragment = urldefrag(urljoin(place.base, str(reference)))
        found = self._resources.get(uri)
        if found is None:
            raise self._unknown(reference, place)
        schema, pointer = found
        if fragment and not fragment.startswith("/"):
            anchored = self._anchors.get(f"{uri}#{fragment}")
            if anchored is None:
                raise self._unknown(reference, place)
            return Place(*anchored, uri)
        for part in unquote(fragment).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                schema = schema[int(name)] if isinstance(schema, list) else schema[name]
            except (KeyError, IndexError, ValueError, TypeError):
                raise self._unknown(reference, place) from None
            pointer += f"/{part}"
        if not isinstance(schema, (dict, bool)):
            raise self._unknown(reference, place)
        return Place(schema, pointer, uri)

    def _unknown(self, reference: object, place: Place) -> SchemaRefused:
        message = f"{str(reference)[:200]!r} is not in this schema, and nothing is fetched"
        return SchemaRefused(place.pointer, "$ref", message)

    def _base_of(self, schema: object, base: str) -> str:
        name = schema.get(self._id_keyword) if isinstance(schema, dict) else None
        return urldefrag(urljoin(base, name))[0] if isinstance(name, str) else base

    def _collect(self, value: object, pointer: str, base: str) -> None:
        pending = [(value, pointer, base)]
        while pending:
            value, pointer, base = pending.pop()
            if isinstance(value, dict):
                base = self._note(value, pointer, base)
            pending += [(child, place, base) for child, place in _children(value, pointer)]

    def _note(self, schema: Json, pointer: str, base: str) -> str:
        inner = self._base_of(schema, base)
        if inner != base:
            self._resources.setdefault(inner, (schema, pointer))
        names = [schema.get("$anchor"), schema.get("$dynamicAnchor")]
        own = schema.get(self._id_keyword)
        if isinstance(own, str) and own.startswith("#"):
            names.append(own[1:])
        for name in names:
            if isinstance(name, str):
                self._anchors.setdefault(f"{inner}#{name}", (schema, pointer))
        return inner


def _children(value: object, pointer: str) -> Iterator[tuple[object, str]]:
    if isinstance(value, dict):
        for name, child in value.items():
            if isinstance(child, (dict, list)) and name not in (
                "enum",
                "const",
                "default",
                "examples",
            ):
                yield child, f"{pointer}/{escaped(name)}"
    elif isinstance(value, list):
        for i, child in enumerate(value):
            if isinstance(child, (dict, list)):
                yield child, f"{pointer}/{i}"
