"""For everyone: keys for everything, little motion, small screens, writing from the right."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from playwright.sync_api import expect

from tests.ui import steps

pytestmark = [pytest.mark.model, pytest.mark.playwright]

ARABIC = "مرحبا بالعالم"


def test_every_key_of_the_list_does_what_it_says(page: Page) -> None:
    steps.open_page(page)
    for title in ("older", "newer"):
        steps.put_chat(page, [{"role": "user", "content": "Hi"}], title)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("key-help dialog")).to_be_visible()
    expect(page.locator("key-help .keys > div")).to_have_count(12)
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator(steps.FIELD)).to_be_focused()
    page.keyboard.press("Alt+k")
    expect(page.locator("chat-list input[type=search]")).to_be_focused()
    title = page.locator(".chat-title")
    page.keyboard.press("Alt+n")
    expect(page.locator(".welcome")).to_be_visible()
    page.keyboard.press("Alt+ArrowDown")
    expect(title).to_have_text("newer")
    page.keyboard.press("Alt+ArrowDown")
    expect(title).to_have_text("older")
    page.keyboard.press("Alt+ArrowUp")
    expect(title).to_have_text("newer")
    page.keyboard.press("Alt+b")
    expect(page.locator("chat-list")).not_to_be_visible()
    page.keyboard.press("Alt+b")
    page.keyboard.press("Alt+,")
    expect(page.locator("settings-dialog dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+s")
    expect(page.locator("status-page h1")).to_be_visible()
    page.keyboard.press("Alt+s")
    expect(page.locator("status-page h1")).not_to_be_visible()
    page.evaluate("localStorage.setItem('llamactl.settings', '{\"max_tokens\": 900}')")
    steps.send(page, "Count to a thousand.")
    expect(page.locator(".running")).to_be_attached()
    page.keyboard.press("Escape")
    steps.answered(page)


def test_a_phone_without_motion_and_with_words_from_the_right(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 640})
    steps.open_page(page)
    steps.send(page, ARABIC)
    assert page.evaluate("document.getAnimations().length") == 0
    steps.answered(page)
    words = page.locator(".message.user .plain")
    expect(words).to_have_css("unicode-bidi", "plaintext")
    assert page.locator(steps.FIELD).get_attribute("dir") == "auto"
    page.get_by_role("button", name="Show chats").click()
    expect(page.get_by_role("link", name=ARABIC)).to_be_in_viewport()
    page.get_by_role("link", name=ARABIC).click()
    page.keyboard.press("Alt+n")
    for place in ("/#/", "/#/status"):
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
    # the page as a whole can be turned
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_screen_readers_hear_of_an_answer_once(page: Page) -> None:
    steps.open_page(page)
    page.evaluate(
        """() => {
          window.heard = [];
          const live = document.querySelectorAll("[aria-live], [role=status], [role=alert]");
          const words = document.querySelector("#announcements");
          const note = () => window.heard.push(words.textContent);
          const options = { childList: true, characterData: true, subtree: true };
          for (const one of live) new MutationObserver(note).observe(one, options);
        }"""
    )
    steps.send(page, "Hello")
    steps.answered(page)
    expect(page.locator("#announcements")).to_have_text("Answer finished")
    assert page.evaluate("window.heard") == ["Answer finished"]
