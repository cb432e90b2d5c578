"""What people do on the page."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator
from playwright.sync_api import Page
from playwright.sync_api import expect

DONE = ".message.assistant:not(.running)"
WAIT_MS = 20_000
FIELD = "chat-composer textarea"
IMPORT = """async (text) => {
  const { app } = await import("./js/app.js");
  const before = new Set(app.chats.keys());
  await app.importFile(new File([text], "chats.json"));
  app.go([...app.chats.keys()].find((id) => !before.has(id)));
}"""


def open_page(page: Page, path: str = "/") -> None:
    """Load the page and wait until it can be used."""
    page.goto(path)
    page.wait_for_selector(FIELD)
    expect(page.locator(".model-name")).to_have_text(re.compile("."))


def send(page: Page, words: str) -> None:
    """Write and send a message."""
    page.fill(FIELD, words)
    page.press(FIELD, "Enter")


def answered(page: Page, n: int = 1) -> Locator:
    """The n-th answer, once nothing is being written."""
    expect(page.locator(".message.assistant").nth(n - 1)).to_be_attached()
    expect(page.locator(".message.running")).to_have_count(0, timeout=WAIT_MS)
    return page.locator(DONE).nth(n - 1)


def put_chat(page: Page, messages: list[dict[str, Any]], title: str = "imported") -> None:
    """Import a chat of these messages in a row and open it."""
    rows = [
        {"id": str(i), "chat": "c", "parent": str(i - 1) if i else None, "createdAt": i + 1, **row}
        for i, row in enumerate(messages)
    ]
    chat = {"id": "c", "title": title, "leaf": str(len(rows) - 1)}
    file = {"format": "llamactl-chats", "version": 1, "chats": [chat], "messages": rows}
    page.evaluate(IMPORT, json.dumps(file))
    expect(page.locator(".chat-title")).to_have_text(title)
    page.wait_for_selector(".message")
