"""`POST /slots/{id}` of a server that may save them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.compat.cases.making import call
from tests.compat.cases.making import get
from tests.compat.cases.making import post
from tests.compat.cases.making import raw
from tests.compat.exchange import Case
from tests.compat.exchange import Request

PROMPT = {"prompt": "Once upon a time there was", "n_predict": 4, "temperature": 0, "id_slot": 0}
FILL = Request("POST", "/completion", PROMPT)
SAVE = Request("POST", "/slots/0?action=save", {"filename": "a.bin"})
RESTORE = Request("POST", "/slots/1?action=restore", {"filename": "a.bin"})
ERASE = Request("POST", "/slots/0?action=erase")


def after(case: Case, *setup: Request) -> Case:
    """The case once these were asked."""
    return replace(case, setup=setup)


def save(name: str, filename: Any) -> Case:
    """Slot 0 to a file of that name."""
    return post(name, "/slots/0?action=save", {"filename": filename})


CASES = (
    post("slots-erase-empty", "/slots/0?action=erase"),
    after(post("slots-erase", "/slots/0?action=erase"), FILL),
    after(save("slots-save", "a.bin"), FILL),
    post("slots-restore", "/slots/1?action=restore", {"filename": "a.bin"}),
    after(
        post("slots-restored-serves-its-prefix", "/completion", {**PROMPT, "id_slot": 1}),
        *(FILL, SAVE, RESTORE),
    ),
    after(post("slots-erased-serves-nothing", "/completion", PROMPT), FILL, ERASE),
    after(save("slots-save-empty", "empty.bin"), ERASE),
    post("slots-restore-empty", "/slots/1?action=restore", {"filename": "empty.bin"}),
    post("slots-restore-of-nothing", "/slots/0?action=restore", {"filename": "none.bin"}),
    post("slots-id-text", "/slots/abc?action=erase"),
    post("slots-id-too-large", "/slots/99999999999999?action=erase"),
    post("slots-id-beyond", "/slots/9?action=erase"),
    post("slots-action-unknown", "/slots/0?action=drop", {"filename": "a.bin"}),
    post("slots-action-missing", "/slots/0"),
    get("slots-action-by-get", "/slots/0?action=erase"),
    call("slots-action-by-put", "PUT", "/slots/0?action=erase"),
    save("slots-name-empty", ""),
    save("slots-name-of-the-folder-above", ".."),
    save("slots-name-in-a-folder", "a/b"),
    save("slots-name-in-a-windows-folder", "a\\b"),
    save("slots-name-with-a-null", "a\0b"),
    save("slots-name-too-long", "x" * 256),
    save("slots-name-with-a-drive", "c:a"),
    save("slots-name-ending-in-a-dot", "a."),
    save("slots-name-a-number", 3),
    save("slots-name-null", None),
    post("slots-name-missing", "/slots/0?action=save", {}),
    post("slots-body-of-an-array", "/slots/0?action=save", []),
    post("slots-body-missing", "/slots/0?action=restore"),
    raw("slots-body-malformed", "/slots/0?action=restore", b"{bad"),
)
