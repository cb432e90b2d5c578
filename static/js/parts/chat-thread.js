// @ts-check
// <chat-thread>: the messages of the chat that is shown. Follows the end while it is in sight.
//
// Messages stand in stretches. What is out of sight is neither laid out nor formatted, and the browser keeps watch over some dozens
// of stretches and not over hundreds of messages: that would cost more in every frame than the answer that is being written.

import { app } from "../app.js";
import { element, iconButton, nowAndThen, replaceChildren } from "../dom.js";
import { say } from "../strings.js";
import { ChatMessage } from "./chat-message.js";
import { welcome } from "./welcome.js";

const NEAR_PX = 80;
const STRETCH = 10;
/** Growing text looks smooth from here on; the page itself moves in every frame. */
const EVERY_MS = 40;

export class ChatThread extends HTMLElement {
  #list = element("div", { class: "messages" });
  /** Where a chat begins. */
  #start = element("div", { class: "start" });
  #toEnd = iconButton("down", say("toEnd"), () => this.#goToEnd(), { class: "icon-button to-end", hidden: true });
  #isAtEnd = true;
  /** @type {Map<string, ChatMessage>} */
  #shown = new Map();
  /** Messages that have changed since the last frame. @type {Set<string>} */
  #changed = new Set();
  #near = new IntersectionObserver((entries) => this.#meet(entries), { root: this, rootMargin: "1200px 0px" });
  #drawSoon = nowAndThen(EVERY_MS, () => this.#draw());
  /** @type {import("../chat/session.js").Session | null} */ #session = null;
  #onPath = () => this.#showPath();

  connectedCallback() {
    this.setAttribute("tabindex", "-1");
    this.append(this.#start, this.#list, this.#toEnd);
    this.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    app.addEventListener("session", () => this.#showSession());
    app.server.addEventListener("change", () => !app.session.path.length && this.#showPath());
    app.runs.addEventListener("change", (event) => this.#note(/** @type {CustomEvent} */ (event).detail));
    app.runs.addEventListener("end", (event) => this.#ended(/** @type {CustomEvent} */ (event).detail.message));
    this.#showSession();
  }

  #showSession() {
    this.#session?.removeEventListener("path", this.#onPath);
    this.#session?.removeEventListener("run", this.#onPath);
    this.#session = app.session;
    this.#session.addEventListener("path", this.#onPath);
    this.#session.addEventListener("run", this.#onPath);
    this.#shown.clear();
    this.#list.replaceChildren();
    this.#isAtEnd = true;
    this.#showPath();
  }

  /** The branch, with the elements that are there already. */
  #showPath() {
    const path = app.session.path;
    this.classList.toggle("empty", !path.length);
    replaceChildren(this.#start, !path.length && welcome(app));
    const before = this.#shown;
    this.#shown = new Map(path.map((message) => [message.id, before.get(message.id) ?? new ChatMessage(message)]));
    this.#place([...this.#shown.values()]);
    for (const [id, shown] of this.#shown) if (before.has(id)) shown.update();
    if (path.at(-1)?.state === "running") this.#isAtEnd = true;
    if (this.#isAtEnd) this.#goToEnd();
  }

  /** @param {ChatMessage[]} wanted */
  #place(wanted) {
    const stretches = this.#list.children;
    const n = Math.ceil(wanted.length / STRETCH);
    for (let i = 0; i < n; i++) {
      const stretch = stretches[i] ?? this.#newStretch();
      const inside = wanted.slice(i * STRETCH, (i + 1) * STRETCH);
      inside.forEach((shown, at) => stretch.children[at] !== shown && stretch.insertBefore(shown, stretch.children[at] ?? null));
      while (stretch.childElementCount > inside.length) stretch.lastChild.remove();
      if (stretch.dataset.near) for (const shown of inside) shown.comeNear();
    }
    while (stretches.length > n) this.#list.lastChild.remove();
  }

  #newStretch() {
    const stretch = element("div", { class: "stretch" });
    this.#list.append(stretch);
    this.#near.observe(stretch);
    return stretch;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #meet(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#near.unobserve(target);
      /** @type {HTMLElement} */ (target).dataset.near = "true";
      for (const shown of target.children) /** @type {ChatMessage} */ (shown).comeNear();
    }
    if (this.#isAtEnd) this.#goToEnd();
  }

  /** @param {import("../store/history.js").Message} message */
  #note(message) {
    if (!this.#shown.has(message.id)) return;
    this.#changed.add(message.id);
    this.#drawSoon();
  }

  /** @param {import("../store/history.js").Message} message */
  #ended(message) {
    this.#note(message);
    if (this.#shown.has(message.id)) announce(message.error || say("answerReady"));
  }

  #draw() {
    for (const id of this.#changed) this.#shown.get(id)?.update();
    this.#changed.clear();
    if (this.#isAtEnd) this.#goToEnd();
  }

  #goToEnd() {
    this.#isAtEnd = true;
    if (!this.#toEnd.hidden) this.#toEnd.hidden = true;
    this.scrollTop = this.scrollHeight;
  }

  #scrolled() {
    this.#isAtEnd = this.scrollHeight - this.scrollTop - this.clientHeight < NEAR_PX;
    if (this.#toEnd.hidden !== this.#isAtEnd) this.#toEnd.hidden = this.#isAtEnd;
  }
}

/** For screen readers: once, when there is something to know. @param {string} text */
function announce(text) {
  const place = document.getElementById("announcements");
  if (place) place.textContent = text;
}

customElements.define("chat-thread", ChatThread);
