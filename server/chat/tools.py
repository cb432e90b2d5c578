"""The tools of a request: their names, and what their parameters may be.

Answers to common_chat_tools_parse_oaicompat in llama.cpp `common/chat.cpp`. It knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ANY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
MAX_REFERENCES = 32
"""How far references and combinations in a schema are followed."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON schema within a document; as much of it as it takes to tell what a value may be."""

    node: object
    root: object

    @property
    def types(self) -> frozenset[str] | None:
        """The types that a value may have; None: any."""
        found: set[str] = set()
        for node in self._alternatives():
            types = _types(node)
            if types is None:
                return None
            found |= types
        return frozenset(found) or None

    @property
    def only(self) -> Mapping[str, Any]:
        """The schema that it comes down to; an empty one if that is a choice of several."""
        found = list(self._alternatives())
        return found[0] if len(found) == 1 else {}

    @property
    def whole(self) -> dict[str, Any]:
        """The schema with the definitions that it may refer to."""
        node = dict(self.node) if isinstance(self.node, Mapping) else {}
        root = self.root if isinstance(self.root, Mapping) else {}
        shared = {key: root[key] for key in ("$defs", "definitions") if key in root}
        return shared | node

    def member(self, name: str) -> Schema:
        """The schema of a property; of anything if there is none."""
        for node in self._alternatives():
            properties = node.get("properties")
            if isinstance(properties, Mapping) and name in properties:
                return Schema(properties[name], self.root)
        return Schema(True, self.root)

    @property
    def members(self) -> Mapping[str, Schema]:
        """The properties that are named."""
        found: dict[str, Schema] = {}
        for node in self._alternatives():
            properties = node.get("properties")
            if isinstance(properties, Mapping):
                found |= {name: Schema(item, self.root) for name, item in properties.items()}
        return found

    @property
    def required(self) -> frozenset[str]:
        """The properties that there must be."""
        required = self.node.get("required") if isinstance(self.node, Mapping) else None
        if not isinstance(required, list):
            return frozenset()
        return frozenset(name for name in required if isinstance(name, str))

    @property
    def items(self) -> Schema:
        """The schema of an array's items."""
        for node in self._alternatives():
            if "items" in node:
                return Schema(node["items"], self.root)
        return Schema(True, self.root)

    def _alternatives(self) -> Iterator[Mapping[str, Any]]:
        """The schemas that it comes down to when references and choices are followed."""
        todo, n_seen = [self.node], 0
        while todo and n_seen < MAX_REFERENCES:
            node = todo.pop(0)
            n_seen += 1
            if not isinstance(node, Mapping):
                yield {}
            elif isinstance(reference := node.get("$ref"), str):
                todo.append(self._referred(reference))
            elif choices := node.get("anyOf") or node.get("oneOf"):
                todo += choices if isinstance(choices, list) else [True]
            elif "type" not in node and isinstance(parts := node.get("allOf"), list) and parts:
                todo.append(parts[0])
            else:
                yield node

    def _referred(self, reference: str) -> object:
        if not reference.startswith("#"):
            return True
        node: object = self.root
        for part in reference[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or key not in node:
                return True
            node = node[key]
        return node


def _types(node: Mapping[str, Any]) -> set[str] | None:
    given = node.get("type")
    if isinstance(given, str):
        return {given}
    if isinstance(given, list):
        return {name for name in given if isinstance(name, str)}
    values = node["enum"] if isinstance(node.get("enum"), list) else None
    if "const" in node:
        values = [node["const"]]
    if values is not None:
        return {_type_name(value) for value in values}
    if "properties" in node:
        return {"object"}
    return {"array"} if "items" in node else None


def _type_name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    parameters: Mapping[str, Any]
    """Its JSON schema."""
    pointer: str = ""
    """Where the schema stands in the request."""
    is_strict: bool = False
    """Whether the client insists on the schema."""

    @property
    def schema(self) -> Schema:
        """What its arguments may be."""
        return Schema(self.parameters, self.parameters)
