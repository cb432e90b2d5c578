"""One server and one browser for all tests here; each test has a browser profile of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page
from playwright.sync_api import sync_playwright

from tests.e2e import live
from tests.e2e.live import LiveServer
from tests.ui import steps

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHORT = '{"max_tokens": 12, "temperature": 0}'


@pytest.fixture(scope="package")
def server(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """SmolLM2 with four slots."""
    assert smollm2_path.is_file()
    log_path = tmp_path_factory.mktemp("ui") / "log"
    running = live.start(["--demo", "-np", "4", "-t", "1", "--metrics"], log_path)
    yield running
    running.kill()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; CI must have it."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        assert not os.environ.get("CI"), "Chromium is missing: apt-get install chromium"
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        # the driver's own sandbox and network settings are those of ARGS
        running = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    """A page with short answers; a script error, or a breach of the policy, is a failure."""
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": 1280, "height": 800},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.add_init_script(
        f"localStorage.getItem('llamactl.settings') ??"
        f" localStorage.setItem('llamactl.settings', '{SHORT}')"
    )
    opened = context.new_page()
    opened.set_default_timeout(steps.WAIT_MS)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if is_breach(message) else None)
    yield opened
    context.close()
    assert wrong == []


def is_breach(message: Any) -> bool:
    """Whether the browser's console speaks of the policy."""
    return message.type == "error" and "Content Security Policy" in message.text
