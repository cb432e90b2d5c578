"""Chats: what is written, kept, stopped, changed and read on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page
from playwright.sync_api import expect

from tests.e2e import live
from tests.e2e.live import LiveServer
from tests.e2e.processes import free_port
from tests.ui import steps
from tests.ui.cable import laid_to

pytestmark = [pytest.mark.model, pytest.mark.playwright]

CONTENT = "import('./js/app.js').then(({ app }) => app.session.path.at(-1).content)"
LONG = "localStorage.setItem('llamactl.settings', '{\"max_tokens\": 160, \"temperature\": 0}')"
NUMBERS = '{"type": "array", "minItems": 1000, "items": {"type": "integer"}}'
ENDLESS = f"""localStorage.setItem('llamactl.settings',
    JSON.stringify({{max_tokens: 3000, temperature: 0, json_schema: '{NUMBERS}'}}))"""
"""An answer that is longer than anybody waits here, whatever the model would rather say."""


def test_a_first_chat_is_answered_and_kept(page: Page) -> None:
    steps.open_page(page)
    steps.send(page, "Hello there")
    text = steps.answered(page).locator(".body rich-text").inner_text()
    assert text.strip()
    expect(page.locator("live-figures .context")).to_contain_text("/ 8.2K context")
    expect(page.locator(".message .figures")).to_contain_text("tok/s")
    page.reload()
    expect(steps.answered(page).locator(".body rich-text")).to_have_text(text)
    expect(page.get_by_role("link", name="Hello there")).to_be_visible()


def test_stop_ends_the_answer_on_the_server(page: Page, server: LiveServer) -> None:
    steps.open_page(page)
    page.evaluate(ENDLESS)
    steps.send(page, "Count from one to a thousand in words.")
    expect(page.locator(".running .body rich-text")).to_contain_text(re.compile(r"\w"))
    expect(page.locator("live-figures .words")).to_contain_text("tok/s · first token")
    page.get_by_role("button", name="Stop").click()
    steps.answered(page)
    server.wait_idle()


def test_stop_goes_before_what_the_server_has_not_yet_begun(page: Page, server: LiveServer) -> None:
    with laid_to(server.url) as cable:
        steps.open_page(page, cable.url)
        page.evaluate(ENDLESS)
        cable.posts_pass.clear()
        steps.send(page, "Count from one to a thousand in words.")
        page.wait_for_selector(".running")
        page.keyboard.press("Escape")
        steps.answered(page)
        with page.expect_response(lambda response: response.request.method == "DELETE"):
            cable.posts_pass.set()
        server.wait_idle()


def test_an_edit_begins_a_branch_and_the_old_one_stays(page: Page) -> None:
    steps.open_page(page)
    steps.send(page, "First words")
    steps.answered(page)
    message = page.locator(".message.user")
    message.hover()
    message.get_by_role("button", name="Edit").click()
    message.locator("textarea").fill("Other words")
    message.locator("textarea").press("Enter")
    expect(page.locator(".message.user .body")).to_have_text("Other words")
    steps.answered(page)
    page.get_by_role("button", name="Previous version").click()
    expect(page.locator(".message.user .body")).to_have_text("First words")
    expect(page.locator(".versions")).to_have_text("1 of 2")


def test_another_answer_continuing_and_deleting(page: Page) -> None:
    steps.open_page(page)
    steps.send(page, "Tell me a long story")
    answer = steps.answered(page)
    short = answer.locator(".body rich-text").inner_text()
    page.get_by_role("button", name="Continue").click()
    steps.answered(page)
    expect(page.locator(".message.assistant .body rich-text")).to_contain_text(short.strip()[:20])
    assert len(answer.locator(".body rich-text").inner_text()) > len(short)
    page.get_by_role("button", name="Answer again").click()
    steps.answered(page)
    expect(page.locator(".versions")).to_have_text("2 of 2")
    answer.get_by_role("button", name="Delete").click()
    expect(page.locator(".versions")).to_have_count(0)


def test_a_stream_goes_on_after_a_reload(page: Page, server: LiveServer) -> None:
    steps.open_page(page)
    page.evaluate(LONG)
    steps.send(page, "Write a story about a fox.")
    expect(page.locator(".running .body rich-text")).to_contain_text(re.compile(r"\w+ \w+"))
    begun = page.locator(".running .body rich-text").inner_text()
    # whatever moved would make the page draw in every frame, all the time
    assert page.evaluate("document.getAnimations().length") == 0
    page.reload()
    text = steps.answered(page).locator(".body rich-text").inner_text()
    assert len(text) > len(begun) and text.startswith(begun[:10])
    expect(page.locator(".message.assistant .note")).to_have_text(
        "The limit of tokens was reached."
    )


def test_a_stream_goes_on_after_the_network_was_gone(page: Page, server: LiveServer) -> None:
    with laid_to(server.url) as cable:
        steps.open_page(page, cable.url)
        page.evaluate(LONG.replace("160", "90"))
        with page.expect_request("**/v1/chat/completions") as asked:
            steps.send(page, "Write a story about an owl.")
        expect(page.locator(".running .body rich-text")).to_contain_text(re.compile(r"\w+ \w+"))
        cable.cut()
        expect(page.locator(".message.assistant .note")).to_contain_text("Reconnecting")
        begun = page.evaluate(CONTENT)
        cable.mend()
        steps.answered(page)
        text = page.evaluate(CONTENT)
    assert text.startswith(begun) and len(text) > len(begun) > 0
    # each word once
    assert text == kept_text(server, asked.value.headers["x-conversation-id"])


def kept_text(server: LiveServer, stream: str) -> str:
    """What the server wrote, as it keeps it."""
    lines = server.get(f"/v1/stream?conv_id={stream}").body.decode().splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_export_delete_and_import(page: Page, tmp_path: Path) -> None:
    steps.open_page(page)
    steps.put_chat(page, [{"role": "user", "content": "kept words"}], "a chat to keep")
    page.get_by_role("button", name="Settings").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export all").click()
    path = tmp_path / "chats.json"
    download.value.save_as(path)
    assert json.loads(path.read_text())["messages"][0]["content"] == "kept words"
    page.get_by_role("button", name="Delete all").click()
    page.locator("dialog.ask").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="a chat to keep")).to_have_count(0)
    page.set_input_files("settings-dialog input[type=file]", path)
    expect(page.locator("a", has_text="a chat to keep")).to_have_count(1)


def test_a_picture_is_refused_by_a_model_of_text(page: Page) -> None:
    steps.open_page(page)
    picture = {"name": "cat.png", "mimeType": "image/png", "buffer": b"\x89PNG"}
    page.set_input_files("chat-composer input[type=file]", picture)
    expect(page.locator(".notice")).to_contain_text("takes no images: cat.png")
    text = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}
    page.set_input_files("chat-composer input[type=file]", text)
    expect(page.locator(".chip")).to_have_text("a.txt")


def test_a_key_is_asked_for_under_a_prefix_and_a_server_may_come_back(
    browser: Browser, tiny_model_path: Path, tmp_path: Path
) -> None:
    port = free_port()
    given = tmp_path / "webui.json"
    given.write_text('{"theme": "dark", "systemMessage": "You are given.", "top_k": 11}')
    args: list[str | Path] = ["-m", tiny_model_path, "-t", "1", "--no-warmup"]
    args += ["--api-key", "secret", "--api-prefix", "/llm", "--webui-config-file", given]
    server = live.start(args, tmp_path / "log", port=port)
    page = browser.new_page()
    page.set_default_timeout(steps.WAIT_MS)
    try:
        page.goto(f"{server.url}/llm/")
        page.get_by_role("button", name="Enter key").click()
        page.fill("input[name=key]", "wrong")
        page.press("input[name=key]", "Tab")
        expect(page.locator(".banner")).to_contain_text("API key")
        page.fill("input[name=key]", "secret")
        page.press("input[name=key]", "Tab")
        expect(page.locator(".model-name")).to_have_text("tiny")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        server.stop()
        page.get_by_role("button", name="Close").first.click()
        with page.expect_request("**/llm/v1/chat/completions") as asked:
            steps.send(page, "Hello")
        body: Any = asked.value.post_data_json
        assert (body["top_k"], body["messages"][0]["content"]) == (11, "You are given.")
        expect(page.locator(".message.assistant .note")).to_contain_text("Reconnecting")
        server = live.start(args, tmp_path / "log2", port=port)
        expect(page.locator(".message.assistant .note")).not_to_contain_text("Reconnecting")
    finally:
        page.close()
        server.kill()
