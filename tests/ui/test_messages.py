"""What a message can hold: files that are attached, formatted text, thinking, calls, JSON."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from typing import Any

import pytest
from playwright.sync_api import Page
from playwright.sync_api import Route
from playwright.sync_api import expect

from tests.ui import steps

pytestmark = [pytest.mark.model, pytest.mark.playwright]

DROP = """(field, [bytes, name, type]) => {
  const data = new DataTransfer();
  const content = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
  data.items.add(new File([content], name, { type }));
  const event = { dataTransfer: data, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "drop"]) field.dispatchEvent(new DragEvent(kind, event));
}"""
PASTE = """(field, [text, file]) => {
  const data = new DataTransfer();
  if (text) data.setData("text/plain", text);
  if (file) data.items.add(new File(["pasted words"], file, { type: "text/plain" }));
  const event = { clipboardData: data, bubbles: true, cancelable: true };
  field.dispatchEvent(new ClipboardEvent("paste", event));
}"""
COMPOSED = """(field) => field.dispatchEvent(
  new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })
)"""
# a red dot
PICTURE = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">2I5B", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\xff\0\0")),
        (b"IEND", b""),
    )
)
# a tenth of a second of silence
SOUND = struct.pack(
    "<4sI8sIHHIIHH4sI", b"RIFF", 836, b"WAVEfmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 800
) + bytes([128] * 800)
FORMATTED = """A formula: $x^2$ and

$$\\frac{a}{b}$$

| left | right |
|---|--:|
| 1 | 2 |

5. five

- [x] done

```python
print(1)
```
"""
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "n": {"type": "integer", "maximum": 9}},
    "required": ["colour", "n"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "name": "look", "arguments": '{"at":"sky"}'}


def pdf_of(words: str) -> bytes:
    """A PDF file of one page with these words."""
    stream = f"BT /F1 12 Tf 20 100 Td ({words}) Tj ET"
    parts = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    text = "%PDF-1.4\n"
    places = []
    for i, part in enumerate(parts, 1):
        places.append(len(text))
        text += f"{i} 0 obj\n{part}\nendobj\n"
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    table = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{rows}"
    return f"{text}{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(text)}\n%%EOF".encode()


def test_files_are_chosen_dropped_and_pasted_and_their_text_is_sent(page: Page) -> None:
    steps.open_page(page)
    field = page.locator(steps.FIELD)
    pdf = {"name": "paper.pdf", "mimeType": "application/pdf", "buffer": pdf_of("printed words")}
    page.set_input_files("chat-composer input[type=file]", pdf)
    expect(page.locator(".chip")).to_have_text(["paper.pdf"])
    field.evaluate(DROP, [encoded(b"dropped words"), "dropped.txt", "text/plain"])
    field.evaluate(PASTE, ["", "clip.txt"])
    expect(page.locator(".chip")).to_have_text(["paper.pdf", "dropped.txt", "clip.txt"])
    field.evaluate(PASTE, ["long " * 600, ""])
    expect(page.locator(".chip")).to_have_count(4)
    page.get_by_role("button", name="Remove pasted text 1.txt").click()
    field.fill("What do they say?")
    # neither ends a message: what is being composed, and a new line
    field.evaluate(COMPOSED)
    field.press("Shift+Enter")
    expect(page.locator(".message")).to_have_count(0)
    with page.expect_request("**/v1/chat/completions") as asked:
        field.press("Enter")
    content = asked.value.post_data_json["messages"][-1]["content"]
    found = re.findall(r"File: (\S+)\n\n(\w+ words)", content)
    assert found == [
        ("paper.pdf", "printed words"),
        ("dropped.txt", "dropped words"),
        ("clip.txt", "pasted words"),
    ]
    assert content.endswith("What do they say?")
    steps.answered(page)
    expect(page.locator(".message.user .file")).to_have_count(3)


def test_pictures_and_sounds_go_to_a_model_that_takes_them(page: Page) -> None:
    """No such model is at hand: that this one is, and its answer, are made up here."""

    def props(route: Route) -> None:
        said = route.fetch()
        route.fulfill(
            response=said, json={**said.json(), "modalities": {"vision": True, "audio": True}}
        )

    page.route("**/props", props)
    page.route("**/v1/chat/completions", lambda route: route.fulfill(body=spoken("A red dot.")))
    steps.open_page(page)
    field = page.locator(steps.FIELD)
    picture = {"name": "dot.png", "mimeType": "image/png", "buffer": PICTURE}
    page.set_input_files("chat-composer input[type=file]", picture)
    expect(page.locator(".chip img")).to_have_js_property("naturalWidth", 1)
    field.evaluate(DROP, [encoded(SOUND), "hum.wav", "audio/wav"])
    expect(page.locator(".chip")).to_have_text(["dot.png", "hum.wav"])
    field.fill("What are these?")
    with page.expect_request("**/v1/chat/completions") as asked:
        field.press("Enter")
    assert asked.value.post_data_json["messages"][-1]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded(PICTURE)}"}},
        {"type": "input_audio", "input_audio": {"data": encoded(SOUND), "format": "wav"}},
        {"type": "text", "text": "What are these?"},
    ]
    expect(steps.answered(page).locator(".body")).to_have_text("A red dot.")
    page.reload()
    expect(page.get_by_role("img", name="dot.png")).to_have_js_property("naturalWidth", 1)
    sound = page.locator(".message.user audio")
    assert sound.evaluate(
        "(one) => new Promise((ready) => (one.onloadedmetadata = ready, one.load()))"
    )


def spoken(*words: str) -> str:
    """A stream of these words."""
    chunks = [json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}) for word in words]
    return "".join(f"data: {chunk}\n\n" for chunk in [*chunks, "[DONE]"])


def encoded(content: bytes) -> str:
    """Base64."""
    return base64.b64encode(content).decode()


def test_formulas_tables_code_thinking_and_calls_are_shown(page: Page) -> None:
    steps.open_page(page)
    thought = {"thinking": "let me see", "thinkingMs": 2400}
    rows: list[dict[str, Any]] = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": "", "calls": [CALL]},
        {"role": "tool", "content": "blue", "callId": "c1"},
        {"role": "assistant", "content": FORMATTED, **thought},
    ]
    steps.put_chat(page, rows)
    answer = page.locator(".message.assistant").last
    expect(answer.locator(".math.drawn math")).to_have_count(2)
    expect(answer.locator("td").last).to_have_css("text-align", "right")
    expect(answer.locator("ol")).to_have_attribute("start", "5")
    expect(answer.locator("li input[checked]")).to_have_count(1)
    expect(answer.locator("code.coloured .hljs-built_in")).to_have_text("print")
    answer.get_by_role("button", name="Copy code").click()
    expect(answer.get_by_role("button", name="Copy code")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "print(1)"
    thinking = answer.locator(".thinking")
    expect(thinking.locator("summary")).to_have_text("Thought for 2.4 s")
    expect(thinking.locator("rich-text")).not_to_be_visible()
    thinking.locator("summary").click()
    expect(thinking.locator("rich-text")).to_have_text("let me see")
    expect(page.locator(".call")).to_contain_text('"at": "sky"')
    expect(page.locator(".call form")).to_have_count(0)
    expect(page.locator(".message.tool")).to_contain_text("blue")


def test_a_call_waits_for_its_result_and_goes_on_with_it(page: Page) -> None:
    steps.open_page(page)
    rows = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": "", "calls": [CALL]},
    ]
    steps.put_chat(page, rows)
    settings = json.dumps({"tools": json.dumps([TOOL]), "max_tokens": 8})
    page.evaluate("(text) => localStorage.setItem('llamactl.settings', text)", settings)
    page.get_by_label("Result of this call").fill("a cloud")
    with page.expect_request("**/v1/chat/completions") as asked:
        page.get_by_role("button", name="Send result").click()
    body = asked.value.post_data_json
    assert body["tools"] == [TOOL]
    assert body["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": "a cloud"}
    assert body["messages"][-2]["tool_calls"][0]["function"]["name"] == "look"
    steps.answered(page)
    expect(page.locator(".message.assistant .note.error")).to_have_count(0)


def test_answers_fit_a_schema_that_is_pasted(page: Page) -> None:
    steps.open_page(page)
    page.get_by_role("button", name="Settings").click()
    page.fill("input[name=max_tokens]", "40")
    field = page.locator("textarea[name=json_schema]")
    field.fill("{no JSON")
    field.press("Tab")
    expect(page.get_by_role("alert").filter(has_text="no valid JSON")).to_be_visible()
    field.fill(json.dumps(SCHEMA))
    field.press("Tab")
    page.get_by_role("button", name="Close").first.click()
    steps.send(page, "A colour and a number, please.")
    answer = json.loads(steps.answered(page).locator(".body rich-text").inner_text())
    assert answer["colour"] in ("red", "blue") and isinstance(answer["n"], int)


def test_thinking_is_shown_as_it_comes_and_folded(page: Page) -> None:
    """SmolLM2 does not think: what another model's stream holds is put in its place."""

    def answer(route: Route) -> None:
        deltas = ({"reasoning_content": "**hm**"}, {"content": "yes"})
        chunks = [json.dumps({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
        lines = "".join(f"data: {chunk}\n\n" for chunk in [*chunks, "[DONE]"])
        route.fulfill(content_type="text/event-stream", body=lines)

    page.route("**/v1/chat/completions", answer)
    steps.open_page(page)
    steps.send(page, "Well?")
    answered = steps.answered(page)
    expect(answered.locator(".body")).to_have_text("yes")
    expect(answered.locator(".thinking summary")).to_contain_text("Thought for")
    expect(answered.locator(".thinking strong")).to_have_text("hm")
    assert not answered.locator(".thinking").evaluate("(one) => one.open")
