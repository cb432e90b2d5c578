// @ts-check
// <chat-list>: all chats, found by their titles; new, rename, pin, export, delete.

import { app } from "../app.js";
import { element, icon, iconButton, labelledButton, oncePerFrame, replaceChildren, textButton } from "../dom.js";
import { say, tame } from "../strings.js";
import { confirmed } from "./ask.js";

/** @typedef {import("../store/history.js").Chat} Chat */

const DAY_MS = 86_400_000;

export class ChatList extends HTMLElement {
  #search = element("input", { type: "search", placeholder: say("searchChats"), "aria-label": say("searchChats"), onInput: () => this.#draw() });
  #list = element("nav", { class: "chats", "aria-label": say("chats") });
  #drawSoon = oncePerFrame(() => this.#draw());

  connectedCallback() {
    const foot = element(
      "div",
      { class: "foot" },
      labelledButton("status", say("status"), () => (location.hash = "#/status"), { class: "list-action" }),
      labelledButton("settings", say("settings"), () => app.open.settings(), { class: "list-action" }),
      labelledButton("keys", say("keys"), () => app.open.keys(), { class: "list-action" }),
    );
    const head = element(
      "div",
      { class: "head" },
      labelledButton("new", say("newChat"), () => app.go(), { class: "button new" }),
      iconButton("menu", say("closeList"), () => app.open.list()),
    );
    this.append(head, this.#search, this.#list, foot);
    app.addEventListener("chats", this.#drawSoon);
    app.addEventListener("session", this.#drawSoon);
    app.session.addEventListener("run", this.#drawSoon);
    this.#draw();
  }

  focusSearch() {
    this.#search.focus();
  }

  /** The chats in the order in which they are shown. */
  get shown() {
    const words = this.#search.value.trim().toLowerCase();
    return [...app.chats.values()]
      .filter((chat) => !words || chat.title.toLowerCase().includes(words))
      .sort((a, b) => Number(b.isPinned) - Number(a.isPinned) || b.updatedAt - a.updatedAt);
  }

  #draw() {
    if (this.querySelector("input.title")) return;
    const chats = this.shown;
    if (!chats.length) {
      return replaceChildren(this.#list, element("p", { class: "soft" }, say(app.chats.size ? "noneFound" : "noChats")));
    }
    let heading = "";
    const rows = [];
    for (const chat of chats) {
      const group = groupOf(chat);
      if (group !== heading) rows.push(element("h2", {}, (heading = group)));
      rows.push(this.#row(chat));
    }
    replaceChildren(this.#list, ...rows);
  }

  /** @param {Chat} chat */
  #row(chat) {
    const title = tame(chat.title) || say("untitled");
    const isRunning = app.runs.of(chat.id).length > 0;
    const isUnread = app.unread.has(chat.id);
    const state = isRunning ? say("running") : isUnread ? say("finishedUnread") : "";
    const link = element("a", { href: `#/chat/${chat.id}`, "aria-current": app.session.chat === chat ? "page" : null }, element("bdi", {}, title), state && element("span", { class: `dot ${isRunning ? "live" : ""}`, role: "img", "aria-label": state }));
    const menu = element("details", { class: "menu" }, element("summary", { "aria-label": say("chatActions", { title }), title: say("chatActions", { title }) }, icon("more")));
    const act = (/** @type {string} */ label, /** @type {() => void} */ work) => textButton(label, () => (menu.removeAttribute("open"), work()));
    menu.append(
      element(
        "div",
        { class: "menu-items" },
        act(say("rename"), () => this.#rename(chat, link)),
        act(say(chat.isPinned ? "unpin" : "pin"), () => app.saveChat(Object.assign(chat, { isPinned: !chat.isPinned }))),
        act(say("exportChat"), () => app.exportChat(chat)),
        act(say("remove"), async () => (await confirmed(say("deleteSure", { title }), say("remove"))) && app.removeChat(chat)),
      ),
    );
    menu.addEventListener("focusout", (/** @type {FocusEvent} */ event) => !menu.contains(/** @type {Node} */ (event.relatedTarget)) && menu.removeAttribute("open"));
    return element("div", { class: "chat-row" }, link, menu);
  }

  /** @param {Chat} chat @param {HTMLElement} link */
  #rename(chat, link) {
    const field = element("input", { class: "title", "aria-label": say("rename"), ".value": chat.title });
    const end = (/** @type {boolean} */ keeps) => {
      const title = field.value.trim();
      field.replaceWith(link);
      if (keeps && title) void app.saveChat(Object.assign(chat, { title }));
      this.#drawSoon();
    };
    field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter");
    });
    link.replaceWith(field);
    field.select();
  }
}

/** @param {Chat} chat */
function groupOf(chat) {
  if (chat.isPinned) return say("pinned");
  const age = Date.now() - chat.updatedAt;
  return say(age < DAY_MS ? "today" : age < 7 * DAY_MS ? "thisWeek" : "older");
}

customElements.define("chat-list", ChatList);
