"""The tools of a request: their names, and what their parameters may be.

Answers to common_chat_tools_parse_oaicompat in llama.cpp `common/chat.cpp`. It knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from server.chat.errors import ToolsError

ANY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
MAX_REFERENCES = 32
"""How far references and combinations in a schema are followed."""
UNCONCERNED = frozenset(
    {"type", "title", "description", "default", "examples", "$schema", "$id", "$comment"}
    | {"deprecated", "strict", "$defs", "definitions"}
)
"""Keywords that forbid no value of the type that a schema names."""
CONCERNED: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset(
        {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    ),
    "array": frozenset({"items", "minItems", "maxItems", "prefixItems", "uniqueItems"}),
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties"}),
}
"""Keywords by the type of values that they are about."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON schema within a document; as much of it as it takes to tell what a value may be."""

    node: object
    root: object

    @property
    def types(self) -> frozenset[str] | None:
        """The types that a value may have; None: any."""
        return self._types([0]) or None

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

    def referred(self, reference: str) -> Schema:
        """What a reference within the document refers to; a schema of anything if nothing."""
        return Schema(self._referred(reference), self.root)

    def is_free(self, kind: str) -> bool:
        """Whether every value of a type is allowed, as far as that is easily seen."""
        return self._is_free(kind, [0])

    def _types(self, n_seen: list[int]) -> frozenset[str] | None:
        node = self.node
        n_seen[0] += 1
        if not isinstance(node, Mapping) or n_seen[0] > MAX_REFERENCES:
            return None
        found = own_types(node)
        if isinstance(reference := node.get("$ref"), str):
            found = _narrowed(found, self.referred(reference)._types(n_seen))
        for keyword in ("anyOf", "oneOf"):
            if isinstance(choices := node.get(keyword), list) and choices:
                parts = [Schema(part, self.root)._types(n_seen) for part in choices]
                known = [part for part in parts if part is not None]
                if len(known) == len(parts):
                    found = _narrowed(found, frozenset().union(*known))
        if found is None and isinstance(others := node.get("allOf"), list) and others:
            return Schema(others[0], self.root)._types(n_seen)
        return found

    def _is_free(self, kind: str, n_seen: list[int]) -> bool:
        node = self.node
        n_seen[0] += 1
        if not isinstance(node, Mapping):
            return node is not False
        types = own_types(node)
        if n_seen[0] > MAX_REFERENCES or (types is not None and kind not in types):
            return False
        group = "number" if kind == "integer" else kind
        concerned = {word for name, words in CONCERNED.items() if name != group for word in words}
        said = node.keys() - UNCONCERNED - concerned
        if not said:
            return True
        if said == {"anyOf"} and isinstance(choices := node["anyOf"], list):
            return any(Schema(part, self.root)._is_free(kind, n_seen) for part in choices)
        if said == {"$ref"} and isinstance(reference := node["$ref"], str):
            return self.referred(reference)._is_free(kind, n_seen)
        return False

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


def own_types(node: Mapping[str, Any]) -> frozenset[str] | None:
    """The types that a schema names, or that it is meant for; None: any."""
    given = node.get("type")
    if isinstance(given, str):
        return frozenset({given})
    if isinstance(given, list):
        return frozenset(name for name in given if isinstance(name, str))
    values = node["enum"] if isinstance(node.get("enum"), list) else None
    if "const" in node:
        values = [node["const"]]
    if values is not None:
        return frozenset(type_name(value) for value in values)
    if "properties" in node:
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in node else None


def type_name(value: object) -> str:
    """The type of a value; of integers, too, it is "number"."""
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


def _narrowed(found: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The types that are among both."""
    if found is None or other is None:
        return other if found is None else found
    both = found & other
    if "integer" in found | other and "number" in found | other:
        both |= {"integer"}
    return both


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


class Choice(Enum):
    """Whether tools are to be called."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """What a request says of tools. definitions: all of them, as templates show them."""

    definitions: tuple[dict[str, Any], ...] = ()
    callable: tuple[Tool, ...] = ()
    """Those that may be called now."""
    choice: Choice = Choice.AUTO
    is_parallel: bool = True


def parse_tools(body: Mapping[str, Any]) -> ToolRequest:
    """The tools of a request body. ToolsError names what is wrong, and where."""
    given = body.get("tools")
    if given is not None and not isinstance(given, (list, tuple)):
        raise ToolsError("Expected 'tools' to be an array")
    functions = [_function(tool, f"tools[{i}]") for i, tool in enumerate(given or ())]
    definitions = tuple({"type": "function", "function": _shown(item)} for item in functions)
    tools = tuple(_tool(function, i) for i, function in enumerate(functions))
    choice, names = _choice(body.get("tool_choice"))
    if names is not None:
        for name in names - {tool.name for tool in tools}:
            raise ToolsError(f"tool_choice: there is no tool {name!r} to call")
        tools = tuple(tool for tool in tools if tool.name in names)
    if not tools:
        choice = Choice.NONE
    parallel = body.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        raise ToolsError("Field 'parallel_tool_calls': expected a boolean")
    return ToolRequest(
        definitions, () if choice is Choice.NONE else tools, choice, parallel is not False
    )


def _choice(given: object) -> tuple[Choice, frozenset[str] | None]:
    """Whether to call, and the functions that may be called; None: all."""
    match given:
        case None:
            return Choice.AUTO, None
        case str() if given in [choice.value for choice in Choice]:
            return Choice(given), None
        case {"type": "function", "function": {"name": str(name)}}:
            return Choice.REQUIRED, frozenset({name})
        case {"type": "function", "name": str(name)}:
            return Choice.REQUIRED, frozenset({name})
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}} if (
            mode in ("auto", "required")
        ):
            return Choice(mode), frozenset(map(_allowed, tools))
        case str():
            raise ToolsError(f"Invalid tool_choice: {given}")
    raise ToolsError(
        'tool_choice: expected "auto", "none", "required", '
        '{"type": "function", "function": {"name": ...}} or '
        '{"type": "allowed_tools", "allowed_tools": {"mode": "auto" or "required", "tools": [...]}}'
    )


def _allowed(tool: object) -> str:
    match tool:
        case {"type": "function", "function": {"name": str(name)}}:
            return name
    raise ToolsError(
        'tool_choice: expected allowed tools like {"type": "function", "function": {"name": ...}}'
    )


def _function(tool: object, where: str) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping) or "type" not in tool:
        raise ToolsError(f'{where}: Missing tool type; use "function"')
    if tool["type"] != "function":
        raise ToolsError(f'{where}: Unsupported tool type {tool["type"]!r}; use "function"')
    function = tool.get("function")
    if not isinstance(function, Mapping):
        raise ToolsError(f"{where}: Missing tool function")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise ToolsError(f"{where}.function: expected 'name' to be a text")
    for key, kind in (("parameters", Mapping), ("description", str)):
        if function.get(key) is not None and not isinstance(function[key], kind):
            shown = "an object" if kind is Mapping else "a string"
            raise ToolsError(f"{where}.function: expected '{key}' to be {shown}")
    return function


def _shown(function: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": function["name"],
        "description": function.get("description") or "",
        "parameters": function.get("parameters") or {},
    }


def _tool(function: Mapping[str, Any], index: int) -> Tool:
    parameters = function.get("parameters") or NO_PARAMETERS
    pointer = f"/tools/{index}/function/parameters"
    return Tool(function["name"], parameters, pointer, function.get("strict") is True)
