// @ts-check
// <chat-thread>: the messages of the chat that is shown. Follows the end while it is in sight.

import { app } from "../app.js";
import { element, iconButton, oncePerFrame } from "../dom.js";
import { say } from "../strings.js";
import { ChatMessage } from "./chat-message.js";
import { welcome } from "./welcome.js";

const NEAR_PX = 80;

export class ChatThread extends HTMLElement {
  #list = element("div", { class: "messages" });
  #toEnd = iconButton("down", say("toEnd"), () => this.#goToEnd(), { class: "icon-button to-end", hidden: true });
  #isAtEnd = true;
  /** @type {Map<string, ChatMessage>} */
  #shown = new Map();
  /** Messages that have changed since the last frame. @type {Set<string>} */
  #changed = new Set();
  #near = new IntersectionObserver((entries) => this.#meet(entries), { root: this, rootMargin: "1200px 0px" });
  #drawSoon = oncePerFrame(() => this.#draw());
  /** @type {import("../chat/session.js").Session | null} */ #session = null;
  #onPath = () => this.#showPath();

  connectedCallback() {
    this.setAttribute("tabindex", "-1");
    this.append(this.#list, this.#toEnd);
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
    if (!path.length) {
      this.#shown.clear();
      return this.#list.replaceChildren(welcome(app));
    }
    const before = this.#shown;
    this.#shown = new Map(path.map((message) => [message.id, before.get(message.id) ?? new ChatMessage(message)]));
    const wanted = [...this.#shown.values()];
    for (const child of [...this.#list.children]) if (!wanted.includes(/** @type {any} */ (child))) child.remove();
    wanted.forEach((shown, i) => {
      if (this.#list.children[i] !== shown) this.#list.insertBefore(shown, this.#list.children[i] ?? null);
      else shown.update();
      if (!before.has(shown.message.id)) this.#near.observe(shown);
    });
    if (path.at(-1)?.state === "running") this.#isAtEnd = true;
    if (this.#isAtEnd) this.#goToEnd();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #meet(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#near.unobserve(target);
      /** @type {ChatMessage} */ (target).comeNear();
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
    this.#toEnd.hidden = true;
    this.scrollTop = this.scrollHeight;
  }

  #scrolled() {
    this.#isAtEnd = this.scrollHeight - this.scrollTop - this.clientHeight < NEAR_PX;
    this.#toEnd.hidden = this.#isAtEnd;
  }
}

/** For screen readers: once, when there is something to know. @param {string} text */
function announce(text) {
  const place = document.getElementById("announcements");
  if (place) place.textContent = text;
}

customElements.define("chat-thread", ChatThread);
