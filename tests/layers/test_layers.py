"""The arrows between the rooms, as a table; every import statement is held against it.

A room is a module or a package of `server`, the most specific name that the table has. A room may
import what its row lists, itself, and anything outside of `server` and `llama_ctypes`. Imports
inside functions and under TYPE_CHECKING count as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WIRE = {
    "server.engine.client",
    "server.engine.errors",
    "server.engine.mailbox",
    "server.engine.snapshot",
    "server.engine.task",
}
"""What request handlers may know of the engine."""

ARROWS: dict[str, set[str]] = {
    "server": set(),
    "server.errors": set(),
    "server.values": set(),
    # the option table
    "server.options": {"server.errors", "server.values"},
    "server.logs": {"server.errors", "server.options"},
    # schemas -> grammars
    "server.grammar": {"server.errors"},
    # the request table
    "server.schema": {
        "server.errors",
        "server.grammar",
        "server.values",
        "server.options",
        "server.engine.modelinfo",
        "server.engine.task",
    },
    # the engine: knows no options, no HTTP; llama_ctypes through its llama room only
    "server.engine": set(),
    "server.engine.llama": {"server.engine", "llama_ctypes"},
    "server.chat": {"server.errors", "server.grammar"},
    "server.models": {"server.errors", "server.options"},
    "server.api": {
        "server",
        "server.chat",
        "server.errors",
        "server.grammar",
        "server.options",
        "server.schema",
        "server.engine.modelinfo",
        "server.engine.slot_files",
        "server.api.messages",
        "server.api.responses",
        *WIRE,
    },
    # dialects that are translations: no way to the engine but that of the chat
    "server.api.messages": {"server.api", "server.chat", "server.engine.task", "server.schema"},
    "server.api.responses": {
        "server.api",
        "server.chat",
        "server.engine.task",
        "server.errors",
        "server.options",
        "server.schema",
    },
    # from settings to a running engine
    "server.launch": {
        "server.engine",
        "server.engine.llama",
        "server.limits",
        "server.models",
        "server.options",
        "llama_ctypes.log",
    },
    "server.watchdog": set(),
    # from settings to what is wrong with them
    "server.checks": {"server.chat", "server.errors", "server.grammar", "server.options"},
    "server.access_log": {"server.logs", "server.options"},
    # traces: the first asks for the second only where somebody wants them
    "server.telemetry": {"server.errors", "server.tracing"},
    "server.tracing": {"server", "server.api", "server.engine.task"},
    "server.app": {
        "server.access_log",
        "server.tracing",
        "server.api",
        "server.engine.client",
        "server.options",
    },
    # processes
    "server.limits": {"server.errors"},
    "server.garbage": set(),
    "server.heap": set(),
    "server.listen": {"server.errors", "server.options"},
    "server.tls": {"server.errors", "server.options"},
    "server.loading": set(),
    "server.arbiter": {"server.logs", "server.notify", "server.succession"},
    "server.succession": set(),
    "server.leftover": {"server.api"},
    "server.turnstile": set(),
    "server.notify": set(),
    "server.refusal": {"server.api"},
    "server.application": {
        "server.app",
        "server.arbiter",
        "server.engine.client",
        "server.engine.pulse",
        "server.launch",
        "server.limits",
        "server.listen",
        "server.options",
        "server.quarantine",
        "server.telemetry",
    },
    "server.worker": {
        "server.app",
        "server.application",
        "server.arbiter",
        "server.engine.mailbox",
        "server.engine.pulse",
        "server.engine.snapshot",
        "server.errors",
        "server.garbage",
        "server.heap",
        "server.leftover",
        "server.listen",
        "server.loading",
        "server.logs",
        "server.options",
        "server.refusal",
        "server.running",
        "server.tls",
        "server.turnstile",
        "server.watchdog",
    },
    # from settings to what a server would find
    "server.doctor": {
        "server.checks",
        "server.engine.errors",
        "server.engine.llama",
        "server.errors",
        "server.launch",
        "server.limits",
        "server.listen",
        "server.models",
        "server.options",
        "server.tls",
        "llama_ctypes",
    },
    "server.running": {"server.engine.snapshot", "server.quarantine"},
    "server.quarantine": {"server.engine.task"},
    "server.wsgi": {
        "server.telemetry",
        "server.app",
        "server.checks",
        "server.launch",
        "server.logs",
        "server.models",
        "server.options",
    },
    "server.cli": {
        "server",
        "server.checks",
        "server.doctor",
        "server.errors",
        "server.launch",
        "server.listen",
        "server.logs",
        "server.models",
        "server.options",
        "server.tls",
        "server.worker",
        "llama_ctypes.errors",
        "llama_ctypes.library",
    },
    "server.__main__": {"server.cli"},
    "llama_ctypes": set(),
}

FORBIDDEN_OUTSIDE: dict[str, set[str]] = {
    "server.engine": {"flask", "gunicorn", "json", "orjson", "jinja2", "click"},
    "server.chat": {"flask", "gevent", "gunicorn", "click"},
    "server.options": {"flask", "gevent", "gunicorn", "click", "jinja2"},
    "server.schema": {"flask", "gevent", "gunicorn", "click", "jinja2"},
    "llama_ctypes": {"flask", "gevent", "gunicorn", "click", "jinja2", "gguf"},
}

GEVENT_IN_ENGINE = {
    "server/engine/delivery.py",
    "server/engine/green_delivery.py",
    "server/engine/native.py",
}
"""Where the engine meets gevent: delivering events, and primitives that it lets alone."""


def sources() -> list[Path]:
    files = [*(ROOT / "server").rglob("*.py"), *(ROOT / "llama_ctypes").rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in files)


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def imports_of(path: Path) -> Iterator[str]:
    """The full names of what a file imports; for `from a import b` a.b if that is a module."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if is_module(full) else str(node.module)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def room_of(module: str) -> str:
    """The row of a module: the longest name in the table that it lies in."""
    rooms = [room for room in ARROWS if within(module, room) and room not in ("server", module)]
    rooms += [module] * (module in ARROWS)
    assert rooms, f"{module} has no row in ARROWS: say what it may import"
    return max(rooms, key=len)


def is_allowed(imported: str, room: str) -> bool:
    if room_of(imported) == room:
        return True
    for target in ARROWS[room]:
        # an arrow to a room does not reach into a room within it that has a row of its own
        if within(imported, target) and (target not in ARROWS or room_of(imported) == target):
            return True
    return False


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_follow_the_arrows(path: Path) -> None:
    room = room_of(module_of(path))
    ours = [name for name in imports_of(path) if name.split(".")[0] in ("server", "llama_ctypes")]
    assert [name for name in ours if not is_allowed(name, room)] == []


@pytest.mark.parametrize("path", sources(), ids=str)
def test_no_room_imports_what_it_must_not_know(path: Path) -> None:
    module = module_of(path)
    forbidden = {
        name for room, names in FORBIDDEN_OUTSIDE.items() if within(module, room) for name in names
    }
    if within(module, "server.engine") and path.as_posix() not in GEVENT_IN_ENGINE:
        forbidden.add("gevent")
    assert sorted(forbidden & {name.split(".")[0] for name in imports_of(path)}) == []


def test_every_row_of_the_table_is_a_room() -> None:
    assert [room for room in ARROWS if not is_module(room)] == []
