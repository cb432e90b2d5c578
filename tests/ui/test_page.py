"""The page itself: settings, theme, access, size, and texts that mean harm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page
from playwright.sync_api import expect

from tests.api.conftest import Server
from tests.api.conftest import settings_of
from tests.e2e import live
from tests.fakes import FakeRunner
from tests.fakes import next_letter
from tests.ui import paced
from tests.ui import steps
from tests.ui.hostile import TEXTS
from tests.ui.measure import measure_tokens

pytestmark = [pytest.mark.model, pytest.mark.playwright]

AXE = live.ROOT / "static" / "node_modules" / "axe-core" / "axe.min.js"
FIRST_LOAD_BYTES = 300_000
TOKEN_MS = 2.0

OLD_DATABASE = """() => new Promise((resolve) => {
  const asked = indexedDB.open("llamactl", 1);
  asked.onupgradeneeded = () => {
    const chats = asked.result.createObjectStore("chats", { keyPath: "id" });
    const messages = asked.result.createObjectStore("messages", { keyPath: "id" });
    chats.put({ id: "o", title: "an old chat", createdAt: 1, updatedAt: 1, leaf: "m" });
    const message = { id: "m", chat: "o", parent: null, role: "user", createdAt: 1 };
    messages.put({ ...message, content: "old words" });
  };
  asked.onsuccess = () => { asked.result.close(); resolve(); };
})"""

DAMAGE = """() => {
  const thread = document.querySelector("chat-thread");
  const all = [...thread.querySelectorAll("*")];
  const isHandler = ({ name }) => name.startsWith("on");
  return {
    pwned: window.pwned,
    foreign: thread.querySelectorAll("script, iframe, form, style, img, object, base").length,
    handlers: all.filter((one) => [...one.attributes].some(isHandler)).length,
    links: all.filter((one) => one.hasAttribute("href") && one.localName !== "use")
      .filter((one) => !/^(https?|mailto):/.test(one.getAttribute("href"))).length,
    wide: document.documentElement.scrollWidth > innerWidth,
    thread: thread.scrollWidth > thread.clientWidth,
  };
}"""


def test_settings_reach_the_request(page: Page) -> None:
    steps.open_page(page)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("input[name=top_k]")).to_have_attribute("placeholder", "40")
    page.fill("input[name=top_k]", "7")
    page.press("input[name=top_k]", "Tab")
    page.fill("textarea[name=system]", "You are brief.")
    page.press("textarea[name=system]", "Tab")
    page.get_by_role("button", name="Close").first.click()
    with page.expect_request("**/v1/chat/completions") as asked:
        steps.send(page, "Hello")
    body = asked.value.post_data_json
    assert (body["top_k"], body["messages"][0]["content"]) == (7, "You are brief.")
    steps.answered(page)


def test_the_theme_is_kept(page: Page) -> None:
    steps.open_page(page)
    page.get_by_role("button", name="Settings").click()
    page.select_option("select[name=theme]", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_data_of_the_first_version_are_carried_over(page: Page) -> None:
    page.goto("/icon.svg")
    page.evaluate(OLD_DATABASE)
    steps.open_page(page)
    page.get_by_role("link", name="an old chat").click()
    expect(page.locator(".message.user .body")).to_have_text("old words")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"path": "."}, "mine: ok"), ({"no_ui": "on"}, "not_found_error")],
    ids=["path", "no-webui"],
)
def test_the_page_is_replaced_or_taken_away(
    browser: Browser, tmp_path: Path, options: dict[str, str], words: str
) -> None:
    (tmp_path / "index.html").write_text("<h1>mine</h1><script type=module src=own.js></script>")
    (tmp_path / "own.js").write_text(
        "const { status } = await (await fetch('health')).json();"
        "document.querySelector('h1').append(': ' + status);"
    )
    if "path" in options:
        options = {"path": str(tmp_path)}
    server = Server(FakeRunner(next_letter), settings_of(**options))
    page = browser.new_page()
    with paced.listening(server.app) as url:
        page.goto(url)
        expect(page.locator("body")).to_contain_text(words)
        expect(page.locator("chat-composer")).to_have_count(0)
    page.close()
    server.close()


def test_a_question_mark_lists_the_keys(page: Page) -> None:
    steps.open_page(page)
    page.locator("body").press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("key-help dialog")).to_be_visible()


def test_the_first_load_is_light(page: Page) -> None:
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(len(response.body())))
    steps.open_page(page)
    page.wait_for_load_state("networkidle")
    assert 10_000 < sum(sizes) < FIRST_LOAD_BYTES


def test_a_token_costs_little_at_the_end_of_a_long_chat(browser: Browser) -> None:
    # slow tokens are the dear ones: each has its own frame; `python -m tests.ui.measure` tells more
    first, cost = (measure_tokens(browser, pace=50, n_messages=n, streamed_s=2) for n in (2, 500))
    assert cost.total_ms < 2 * first.total_ms + TOKEN_MS
    assert cost.n_layouts < 0.6


@pytest.mark.parametrize("width", [360, 1280])
def test_hostile_texts_execute_nothing_and_break_no_layout(page: Page, width: int) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    steps.open_page(page)
    assert len(TEXTS) == 200
    steps.put_chat(page, [{"role": "assistant", "content": text} for text in TEXTS])
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("for (const one of document.querySelectorAll('chat-message')) one.comeNear()")
    expect(page.locator("chat-message .body > rich-text")).to_have_count(200)
    page.wait_for_load_state("networkidle")
    found = page.evaluate(DAMAGE)
    assert found == {
        "pwned": None,
        "foreign": 0,
        "handlers": 0,
        "links": 0,
        "wide": False,
        "thread": False,
    }


def test_no_serious_breach_of_accessibility(page: Page) -> None:
    if not AXE.is_file():
        assert not os.environ.get("CI"), "axe-core is missing: make install with npm"
        pytest.skip("axe-core is missing: make install with npm")
    steps.open_page(page)
    text = (
        "# Title\n\n| a | b |\n|-|-|\n| 1 | 2 |\n\n```python\nprint(1)\n```\n\n$x^2$ [a](https://b.c)"
        "\n\n- [x] done"
    )
    call = {"id": "c", "name": "look", "arguments": "{}"}
    rows: list[dict[str, Any]] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": text, "thinking": "hm", "calls": [call]},
    ]
    breaches = {"start": serious_breaches(page)}
    steps.put_chat(page, [*rows, {"role": "tool", "content": "result"}])
    breaches["chat"] = serious_breaches(page)
    page.emulate_media(color_scheme="dark")
    breaches["dark"] = serious_breaches(page)
    for name in ("Settings", "Keyboard"):
        page.get_by_role("button", name=name).click()
        breaches[name] = serious_breaches(page)
        page.keyboard.press("Escape")
    page.goto("/#/status")
    page.wait_for_selector(".slot")
    page.locator(".card summary").click()
    breaches["status"] = serious_breaches(page)
    assert breaches == {place: [] for place in breaches}


def serious_breaches(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds on the page as it is: rules, and where."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        (one["id"], one["nodes"][0]["html"][:120])
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
    ]
