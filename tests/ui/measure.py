"""What the page costs: `python -m tests.ui.measure`.

Main-thread time for each token of an answer at the end of a long chat, by the browser's own
accounts (CDP Performance.getMetrics). The time is that of the thread's CPU, so that what else runs
on the machine counts for little. How the frames come meanwhile: what a scrolling hand would feel;
that is the clock's time, so let nothing else run. And the first load, with an empty cache: what
goes over the wire, and when a message can be written.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from playwright.sync_api import Browser
from playwright.sync_api import CDPSession
from playwright.sync_api import Page
from playwright.sync_api import sync_playwright

from tests.ui import paced
from tests.ui import steps
from tests.ui.conftest import ARGS
from tests.ui.conftest import CHROMIUM

WATCH = """new MutationObserver((_, watch) => {
  if (!document.querySelector("chat-composer textarea")) return;
  window.usableAt = performance.now();
  watch.disconnect();
}).observe(document, { childList: true, subtree: true })"""
SENT = (
    """performance.getEntries().map((one) => one.transferSize ?? 0).reduce((sum, n) => sum + n)"""
)
LOADED = f"[{SENT}, window.usableAt]"
WATCH_FRAMES = """() => {
  window.gaps = [];
  window.nLongTasks = 0;
  let before = performance.now();
  const note = () => {
    const now = performance.now();
    window.gaps.push(now - before);
    before = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
  new PerformanceObserver((list) => (window.nLongTasks += list.getEntries().length))
    .observe({ type: "longtask" });
}"""
N_LOADS = 5
N_MESSAGES = 500
PACES = (200.0, 50.0)
STREAMED_S = 4.0
BLOCKS = """## What is under way

A paragraph of some length, with **bold** words, `code` in it and a [link](https://example.org),
as answers have them; it goes on for a few lines, so that a block is not finished at once.

1. first a thing
2. then another one, with *weight*
   - and one below

```python
def area(radius: float) -> float:
    return 3.14159 * radius * radius
```

| name | value |
|---|---|
| one | 1 |
| two | 2 |

"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one token takes: milliseconds of the main thread, and how often things are done."""

    total_ms: float
    script_ms: float
    layout_ms: float
    style_ms: float
    n_layouts: float


@dataclass(frozen=True, slots=True)
class Frames:
    """How frames come while an answer does: so many a second, and the milliseconds between two."""

    per_s: float
    p99_ms: float
    longest_ms: float
    n_long_tasks: int
    """Of the main thread, over 50 ms."""


def long_chat(n: int = N_MESSAGES) -> list[dict[str, object]]:
    """Messages in turn, as people and models write them."""
    turns = ({"role": "user", "content": "And now?"}, {"role": "assistant", "content": BLOCKS})
    return [dict(turns[i % 2]) for i in range(n)]


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is yet to be asked for, at the end of a chat."""

    page: Page
    n_tokens: int
    is_done: Event

    def run(self) -> None:
        """Ask, and wait for its end. To ask the page meanwhile would cost it something."""
        self.page.press(steps.FIELD, "Enter")
        assert self.is_done.wait(60)
        self.page.wait_for_selector(".message:last-child:not(.running)")


@contextmanager
def streaming(
    browser: Browser, pace: float, n_messages: int, streamed_s: float
) -> Iterator[Stream]:
    """A page with so many messages, and a server that writes at a pace."""
    n_chars = int(streamed_s * pace) * paced.TOKEN_CHARS
    text = (BLOCKS * (n_chars // len(BLOCKS) + 1))[:n_chars]
    with paced.serving(text, pace) as server:
        page = browser.new_page(base_url=server.url)
        steps.open_page(page)
        steps.put_chat(page, long_chat(n_messages))
        page.fill(steps.FIELD, "And now?")
        page.wait_for_load_state("networkidle")
        yield Stream(page, paced.n_tokens(text), server.is_done)
        page.close()


def measure_tokens(
    browser: Browser, pace: float, n_messages: int, streamed_s: float = STREAMED_S
) -> Cost:
    """The cost of a token at a pace, after so many messages."""
    with streaming(browser, pace, n_messages, streamed_s) as stream:
        account = stream.page.context.new_cdp_session(stream.page)
        account.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = _metrics(account)
        stream.run()
        after = _metrics(account)
    spent = {name: (after[name] - before[name]) / stream.n_tokens for name in after}
    return Cost(
        1000 * spent["TaskDuration"],
        1000 * spent["ScriptDuration"],
        1000 * spent["LayoutDuration"],
        1000 * spent["RecalcStyleDuration"],
        spent["LayoutCount"],
    )


def measure_frames(
    browser: Browser, pace: float, n_messages: int, streamed_s: float = STREAMED_S
) -> Frames:
    """How smoothly the page would move while an answer is written."""
    with streaming(browser, pace, n_messages, streamed_s) as stream:
        stream.page.evaluate(WATCH_FRAMES)
        stream.run()
        gaps, n_long_tasks = stream.page.evaluate("[window.gaps, window.nLongTasks]")
    gaps.sort()
    per_s = 1000 * len(gaps) / sum(gaps)
    return Frames(per_s, gaps[int(0.99 * len(gaps))], gaps[-1], n_long_tasks)


def _metrics(account: CDPSession) -> dict[str, float]:
    answer = account.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in answer["metrics"]}


def first_load(browser: Browser, url: str) -> tuple[int, float]:
    """Bytes, and the milliseconds till the page can be used."""
    context = browser.new_context()
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(steps.FIELD)
    page.wait_for_load_state("networkidle")
    n_bytes, usable_ms = page.evaluate(LOADED)
    context.close()
    return n_bytes, usable_ms


def main() -> None:
    """Print the figures."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        with paced.serving("", 1) as server:
            loads = [first_load(browser, server.url) for _ in range(N_LOADS)]
        usable_ms = ", ".join(f"{ms:.0f}" for _, ms in loads)
        print(f"first load: {loads[0][0]} bytes, usable after {usable_ms} ms")
        print("messages  tokens/s  ms a token  script  layout  style  layouts a token")
        for n_messages in (2, N_MESSAGES):
            for pace in PACES:
                cost = measure_tokens(browser, pace, n_messages)
                print(
                    f"{n_messages:8}  {pace:8.0f}  {cost.total_ms:10.2f}  {cost.script_ms:6.2f}"
                    f"  {cost.layout_ms:6.2f}  {cost.style_ms:5.2f}  {cost.n_layouts:15.2f}"
                )
        print("messages  tokens/s  frames/s  99 of 100 within ms  longest ms  long tasks")
        for n_messages in (2, N_MESSAGES):
            frames = measure_frames(browser, PACES[0], n_messages)
            print(
                f"{n_messages:8}  {PACES[0]:8.0f}  {frames.per_s:8.1f}  {frames.p99_ms:19.1f}"
                f"  {frames.longest_ms:10.1f}  {frames.n_long_tasks:10}"
            )
        browser.close()


if __name__ == "__main__":
    main()
