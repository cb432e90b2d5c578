"""Pictures of every page of the web UI for docs/: `make screenshots`.

At the widths of a phone, a tablet and a screen, light and dark, from a real server. Whoever changes
how the page looks takes them anew and looks at each; `--format png` is for that.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Page
from playwright.sync_api import sync_playwright

from tests.e2e import live
from tests.ui import steps
from tests.ui.conftest import ARGS
from tests.ui.conftest import CHROMIUM

FOLDER = live.ROOT / "docs" / "screenshots"
SIZES = ((360, 740), (768, 1024), (1440, 900))
THEMES = ("light", "dark")
QUALITY = 70
CHARTED_MS = 40_000

ANSWER = """A **binary search** halves the range that is left at every step, so that it looks at
$\\lceil\\log_2 n\\rceil$ items at most:

$$T(n) = T\\!\\left(\\frac{n}{2}\\right) + O(1) = O(\\log n)$$

```python
def find(items: list[int], wanted: int) -> int | None:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < len(items) and items[low] == wanted else None
```

| items | steps at most | by looking at each |
|--:|--:|--:|
| 1,000 | 10 | 1,000 |
| 1,000,000 | 20 | 1,000,000 |

1. The items have to be **in order**.
2. Where they are not, sorting them first costs $O(n \\log n)$.

> For a handful of items, looking at each is as fast.
"""
CALLS = [
    {
        "id": "call_1",
        "name": "get_weather",
        "arguments": '{"city": "Reykjavík", "days": 3, "unit": "celsius"}',
    }
]
TIMINGS = {
    "cache_n": 112,
    "prompt_n": 41,
    "predicted_n": 318,
    "predicted_per_second": 74.2,
}
EXPLAINED: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": "Explain binary search, with code and what it costs.",
        "attachments": [{"kind": "text", "name": "notes.md", "data": "# Notes\n"}],
    },
    {
        "role": "assistant",
        "content": ANSWER,
        "thinking": "They want code, so Python; and the cost as a formula.",
        "thinkingMs": 2400,
        "timings": TIMINGS,
        "firstMs": 310,
    },
]
CALLED: list[dict[str, Any]] = [
    {"role": "user", "content": "Will I need an umbrella in Reykjavík?"},
    {"role": "assistant", "content": "", "calls": CALLS},
    {"role": "tool", "callId": "call_1", "content": '{"rain_mm": [4, 11, 0]}'},
    {
        "role": "assistant",
        "content": "Yes, today and tomorrow: 4 and 11 mm of rain. The day after stays dry.",
        "timings": TIMINGS,
        "firstMs": 120,
    },
]
RIGHT_TO_LEFT: list[dict[str, Any]] = [
    {"role": "user", "content": "مرحبا! اشرح البحث الثنائي"},
    {
        "role": "assistant",
        "content": "**البحث الثنائي** يقسم المجال إلى نصفين في كل خطوة.\n\n- سريع\n- بسيط",
    },
]


def pages(page: Page) -> Iterator[tuple[str, Callable[[], None]]]:
    """The names of the pictures, each with the page as it is to be, and how to leave it again."""
    steps.open_page(page)
    yield "start", lambda: None
    steps.put_chat(page, RIGHT_TO_LEFT, "البحث الثنائي")
    steps.put_chat(page, CALLED, "Umbrella in Reykjavík")
    yield "tools", lambda: None
    steps.put_chat(page, EXPLAINED, "Binary search")
    page.wait_for_selector(".math.drawn")
    page.locator("chat-thread").evaluate("(thread) => (thread.scrollTop = 0)")
    yield "chat", lambda: None
    page.evaluate("document.querySelector('settings-dialog').show()")
    yield "settings", lambda: page.keyboard.press("Escape")
    page.evaluate("document.querySelector('key-help').show()")
    yield "keys", lambda: page.keyboard.press("Escape")
    page.goto("/#/")
    with traffic(page.url):
        page.goto("/#/status")
        page.wait_for_selector(".slot.busy")
        # charts draw a point a second
        page.wait_for_timeout(CHARTED_MS)
        yield "status", lambda: None


@contextmanager
def traffic(url: str) -> Iterator[None]:
    """Somebody who works on the server: answers of some length, two at a time."""
    is_over = threading.Event()

    def ask(n_tokens: int) -> None:
        body = {"prompt": "A lighthouse.", "n_predict": n_tokens, "ignore_eos": True}
        while not is_over.is_set():
            request = urllib.request.Request(
                urljoin(url, "/completion"),
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request).read()

    workers = [threading.Thread(target=ask, args=(n,)) for n in (90, 400)]
    for worker in workers:
        worker.start()
    yield
    is_over.set()
    for worker in workers:
        worker.join()


def take(page: Page, path: Path) -> None:
    """A picture of what is shown, in the form that the path's suffix says."""
    form = path.suffix[1:]
    options: dict[str, Any] = {"format": form}
    if form != "png":
        options["quality"] = QUALITY
    session = page.context.new_cdp_session(page)
    answer = session.send("Page.captureScreenshot", options)
    session.detach()
    path.write_bytes(base64.b64decode(answer["data"]))


def take_all(page: Page, folder: Path, form: str) -> None:
    """Every page at every width, in both themes."""
    for name, leave in pages(page):
        page.evaluate("for (const one of document.querySelectorAll('.notice')) one.remove()")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                take(page, folder / f"{name}-{width}-{theme}.{form}")
                if name == "chat" and width < 760:
                    page.evaluate("document.querySelector('.open-list').click()")
                    page.wait_for_timeout(400)
                    take(page, folder / f"list-{width}-{theme}.{form}")
                    page.evaluate("document.querySelector('.shade').click()")
                    page.wait_for_timeout(400)
        leave()


def main() -> None:
    """Take them."""
    reader = argparse.ArgumentParser(description="Pictures of the web UI")
    reader.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    reader.add_argument("--format", choices=("webp", "png"), default="webp")
    asked = reader.parse_args()
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    asked.folder.mkdir(parents=True, exist_ok=True)
    args = ["--demo", "-np", "4", "-t", "1", "--metrics"]
    log_path = Path(tempfile.mkdtemp()) / "log"
    server = live.start(args, log_path)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
            page = browser.new_page(base_url=server.url, viewport={"width": 1440, "height": 900})
            take_all(page, asked.folder, asked.format)
            browser.close()
    finally:
        server.kill()


if __name__ == "__main__":
    main()
