// @ts-check
// <live-figures>: how fast the answer comes, how long the first token took, how full the context is.

import { app } from "../app.js";
import { element, nowAndThen } from "../dom.js";
import { compact, duration, number, say } from "../strings.js";

/** Faster nobody reads. */
const EVERY_MS = 250;

export class LiveFigures extends HTMLElement {
  #words = element("span", { class: "words" });
  #bar = element("div", { class: "bar", role: "meter", "aria-label": say("contextLabel"), "aria-valuemin": 0 }, element("i"));
  #context = element("span", { class: "context" });
  #drawSoon = nowAndThen(EVERY_MS, () => this.#draw());

  connectedCallback() {
    this.append(this.#words, element("span", { class: "context-group" }, this.#bar, this.#context));
    for (const source of [app.runs, app.server]) for (const name of ["change", "end"]) source.addEventListener(name, this.#drawSoon);
    for (const name of ["session", "chats"]) app.addEventListener(name, this.#drawSoon);
    this.#draw();
  }

  #draw() {
    const answers = app.session.path.filter((message) => message.role === "assistant");
    const message = answers.at(-1);
    const timings = message?.timings;
    const size = app.server.contextSize;
    this.hidden = !timings || !size;
    if (!timings || !size) return;
    const used = (timings.cache_n ?? 0) + (timings.prompt_n ?? 0) + (timings.predicted_n ?? 0);
    // below the answer is the same, once it is there
    const words = message.state === "running" && [
      timings.predicted_per_second > 0 && say("perSecond", { n: number(timings.predicted_per_second) }),
      message.firstMs && say("firstToken", { time: duration(message.firstMs) }),
    ];
    this.#words.textContent = words ? words.filter(Boolean).join(" · ") : "";
    this.#context.textContent = say("contextUsed", { used: compact(used), all: compact(size) });
    this.#bar.setAttribute("aria-valuenow", String(used));
    this.#bar.setAttribute("aria-valuemax", String(size));
    this.#bar.classList.toggle("full", used > 0.9 * size);
    this.#bar.firstChild.style.transform = `scaleX(${Math.min(1, used / size)})`;
  }
}

customElements.define("live-figures", LiveFigures);
