"""`POST /slots/{id}?action=save|restore|erase`: a slot's tokens to a file, from one, away.

Files lie in --slot-save-path and nowhere else. They are read and written here, on a thread that may
wait; the engine copies states in memory only. Answers to handle_slots_save, _restore and _erase of
llama.cpp `tools/server/server-context.cpp`, and to fs_validate_filename of `common/common.cpp`.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from flask import Response
from flask import request as http

from server.api.blocking import run_blocking
from server.api.errors import ApiError
from server.api.errors import InvalidRequest
from server.api.errors import NotSupported
from server.api.errors import error_from
from server.api.service import Service
from server.api.session import Session
from server.api.wire import json_response
from server.api.wire import read_json
from server.engine import slot_files
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.mailbox import SlotAction
from server.engine.slot_files import SavedSlot
from server.engine.slot_files import SlotFileError
from server.engine.task import Failed
from server.engine.task import SlotDone

NOT_SUPPORTED = "This server does not support slots action. Start it with `--slot-save-path`"

NAME_MAX_BYTES = 255
ID_MAX = 2**31 - 1
FORBIDDEN = frozenset('/\\:*?"<>|\x7f\uff0e\u2215\u2216\ufffd\ufeff')
"""Separators, what Windows doesn't take, and signs that look like a dot or a separator."""


def act_on_slot(service: Service) -> Response:
    """Save, restore or erase one slot."""
    directory = service.settings.slots.slot_save_path
    if not directory:
        raise NotSupported(NOT_SUPPORTED)
    id_slot = _slot_id((http.view_args or {}).get("id_slot", ""))
    if id_slot >= service.model().info.n_slots:
        raise InvalidRequest("Invalid slot ID")
    match http.args.get("action", ""):
        case "save":
            return _save(service, id_slot, Path(directory), _file_name())
        case "restore":
            return _restore(service, id_slot, Path(directory), _file_name())
        case "erase":
            done, _ = _act(service, EraseSlot(service.engine.next_task_id(), id_slot))
            return json_response({"id_slot": id_slot, "n_erased": len(done.tokens)})
    raise InvalidRequest("Invalid action")


def is_file_name(name: str) -> bool:
    """Whether this names a file of a directory, on any system, and nothing above or below it."""
    if not 0 < len(name.encode(errors="replace")) <= NAME_MAX_BYTES:
        return False
    if name[0] == " " or name[-1] in " ." or ".." in name:
        return False
    return not any(
        char in FORBIDDEN or char < " " or "\x80" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"
        for char in name
    )


def _slot_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > ID_MAX:
        raise InvalidRequest("Invalid slot ID")
    return int(text)


def _file_name() -> str:
    name = read_json().get("filename")
    if not isinstance(name, str):
        raise InvalidRequest('"filename" must be a string: a name in --slot-save-path')
    if not is_file_name(name):
        raise InvalidRequest("Invalid filename")
    return name


def _save(service: Service, id_slot: int, directory: Path, name: str) -> Response:
    done, started = _act(service, SaveSlot(service.engine.next_task_id(), id_slot))
    info = service.model().info
    scope = (done.cache_salt, done.adapters, done.n_bare)
    saved = SavedSlot(done.tokens, done.state, *scope, done.checkpoints)

    def write() -> int:
        model = slot_files.fingerprint(info)
        return slot_files.write(directory / name, saved, model, info, id_slot)

    try:
        n_written = run_blocking(write)
    except SlotFileError as error:
        raise ApiError(f"Unable to save slot: filename: {name} {error}") from None
    return json_response(
        {
            "id_slot": id_slot,
            "filename": name,
            "n_saved": len(done.tokens),
            "n_written": n_written,
            "timings": {"save_ms": _ms_since(started)},
        }
    )


def _restore(service: Service, id_slot: int, directory: Path, name: str) -> Response:
    info = service.model().info
    started = time.monotonic()

    def read() -> tuple[SavedSlot, int]:
        return slot_files.read(directory / name, slot_files.fingerprint(info), info)

    try:
        saved, n_read = run_blocking(read)
    except SlotFileError as error:
        raise InvalidRequest(f"Unable to restore slot: filename: {name} {error}") from None
    task_id = service.engine.next_task_id()
    read_ms = _ms_since(started)
    adapters, n_bare = saved.adapters, saved.n_bare
    if saved.is_foreign:  # computed with what requests get that ask for nothing else
        adapters, n_bare = service.adapters_for((), saved.tokens)
    scope = (saved.cache_salt, adapters, n_bare)
    restore = RestoreSlot(task_id, id_slot, saved.tokens, saved.state, *scope, saved.checkpoints)
    done, started = _act(service, restore)
    return json_response(
        {
            "id_slot": id_slot,
            "filename": name,
            "n_restored": len(saved.tokens),
            "n_read": n_read,
            "timings": {"restore_ms": read_ms + done.ms},
        }
    )


def _act(service: Service, action: SlotAction) -> tuple[SlotDone, float]:
    """Have the engine do it; when it began to, on the monotonic clock."""
    request = service.engine.act(action)
    with closing(Session(service, request, [action.id])) as session:
        event = session.get(None)
    if isinstance(event, Failed):
        raise error_from(event)
    assert isinstance(event, SlotDone)
    return event, time.monotonic() - event.ms / 1e3


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1e3, 3)
