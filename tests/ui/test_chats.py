"""Many chats: at once, found again, put in order; and what is set for one or for all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page
from playwright.sync_api import expect

from tests.e2e.live import LiveServer
from tests.ui import steps

pytestmark = [pytest.mark.model, pytest.mark.playwright]


def set_tokens(page: Page, n: int) -> None:
    """How long answers may be."""
    settings = f'{{"max_tokens": {n}, "temperature": 0}}'
    page.evaluate("(text) => localStorage.setItem('llamactl.settings', text)", settings)


def choose(page: Page, title: str, action: str) -> None:
    """Something from the menu of a chat."""
    page.get_by_label(f"Actions for {title}").click()
    page.locator(".menu[open]").get_by_role("button", name=action, exact=True).click()


def test_chats_run_at_once_and_one_in_the_background_says_that_it_is_done(
    page: Page, server: LiveServer
) -> None:
    steps.open_page(page)
    set_tokens(page, 60)
    steps.send(page, "First chat")
    expect(page.locator(".running")).to_be_attached()
    page.get_by_role("button", name="New chat").click()
    set_tokens(page, 90)
    steps.send(page, "Second chat")
    expect(page.locator(".chat-title")).to_have_text("Second chat")
    expect(page.locator(".dot.live")).to_have_count(2)
    notice = page.locator(".notice", has_text="First chat")
    expect(notice).to_be_visible(timeout=steps.WAIT_MS)
    expect(page.get_by_role("img", name="finished")).to_be_visible()
    notice.get_by_role("button", name="Open").click()
    expect(page.locator(".chat-title")).to_have_text("First chat")
    expect(page.get_by_role("img", name="finished")).to_have_count(0)
    # and the status page tells who works
    page.goto("/#/status")
    expect(page.locator(".slot")).to_have_count(4)
    expect(page.locator(".chart svg polyline")).to_have_count(4)
    card = page.locator(".card")
    for words in ("134.5M", "Q4_1", "8,192", "49,152", "text"):
        expect(card).to_contain_text(words)
    card.locator("summary").click()
    expect(card.locator("pre")).to_contain_text("im_start")
    server.wait_idle(30)


def test_chats_are_searched_renamed_pinned_and_deleted(page: Page) -> None:
    steps.open_page(page)
    for title in ("apples", "bananas", "cherries"):
        steps.put_chat(page, [{"role": "user", "content": f"of {title}"}], title)
    rows = page.locator(".chat-row a")
    choose(page, "apples", "Pin")
    expect(page.locator("chat-list h2").first).to_have_text("Pinned")
    expect(rows.first).to_have_text("apples")
    choose(page, "bananas", "Rename")
    page.keyboard.type("Bananas and rum")
    page.keyboard.press("Enter")
    page.fill("chat-list input[type=search]", "RUM")
    expect(rows).to_have_text(["Bananas and rum"])
    page.fill("chat-list input[type=search]", "")
    with page.expect_download() as download:
        choose(page, "cherries", "Export")
    assert download.value.suggested_filename == "cherries.json"
    choose(page, "cherries", "Delete")
    page.keyboard.press("Escape")
    expect(rows).to_have_count(3)
    choose(page, "cherries", "Delete")
    page.locator("dialog.ask").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(2)
    page.reload()
    expect(rows).to_have_text(["apples", "Bananas and rum"])


def test_settings_of_one_chat_go_before_those_of_all_and_presets_keep_them(page: Page) -> None:
    steps.open_page(page)
    steps.put_chat(
        page, [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    )
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="This chat").click()
    page.fill("input[name=top_k]", "3")
    page.press("input[name=top_k]", "Tab")
    page.get_by_role("button", name="Save as preset").click()
    page.get_by_label("Name of the preset").last.fill("careful")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="All chats").click()
    expect(page.locator("input[name=top_k]")).to_have_value("")
    page.get_by_label("Presets").select_option("careful")
    expect(page.locator("input[name=top_k]")).to_have_value("3")
    page.fill("input[name=top_k]", "9")
    page.fill("input[name=max_tokens]", "8")
    page.press("input[name=max_tokens]", "Tab")
    page.keyboard.press("Escape")
    for title, top_k in (("imported", 3), ("", 9)):
        if not title:
            page.get_by_role("button", name="New chat").click()
            expect(page.locator(".welcome")).to_be_visible()
        with page.expect_request("**/v1/chat/completions") as asked:
            steps.send(page, "Well?")
        assert asked.value.post_data_json["top_k"] == top_k
        expect(page.locator(".message.running")).to_have_count(0)
        expect(page.locator(".message.assistant").last).to_contain_text(re.compile("."))
