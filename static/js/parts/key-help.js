// @ts-check
// <key-help>: the list of keys, under "?"; and the keys themselves.

import { app } from "../app.js";
import { element } from "../dom.js";
import { say } from "../strings.js";
import { dialogHead } from "./dialog-head.js";

/** @type {[string, Parameters<typeof say>[0]][]} */
const KEYS = [
  ["Enter", "keySend"], ["Shift Enter", "keyLine"], ["Alt N", "keyNewChat"], ["Alt K", "keySearch"], ["/", "keyCompose"], ["Esc", "keyStop"],
  ["Alt ,", "keySettings"], ["Alt S", "keyStatus"], ["Alt B", "keyList"], ["Alt ↑", "keyPrevious"], ["Alt ↓", "keyNext"], ["?", "keyHelp"],
];

export class KeyHelp extends HTMLElement {
  #dialog = element("dialog", { "aria-label": say("keys") });

  connectedCallback() {
    const rows = KEYS.map(([keys, meaning]) => element("div", {}, element("dt", {}, ...keys.split(" ").map((key) => element("kbd", {}, key))), element("dd", {}, say(meaning))));
    this.#dialog.append(dialogHead(say("keys"), () => this.#dialog.close()), element("dl", { class: "keys" }, ...rows));
    this.append(this.#dialog);
  }

  show() {
    this.#dialog.showModal();
  }
}

/** Listen for the keys. @param {{list: import("./chat-list.js").ChatList, composer: import("./chat-composer.js").ChatComposer}} parts */
export function listenToKeys({ list, composer }) {
  addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const act = event.altKey ? withAlt(event.code, list) : plain(event, composer);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** @param {string} code @param {import("./chat-list.js").ChatList} list */
function withAlt(code, list) {
  /** @type {Record<string, () => void>} */
  const acts = {
    KeyN: () => app.go(),
    KeyK: () => list.focusSearch(),
    Comma: () => app.open.settings(),
    KeyS: () => (location.hash = app.route === "status" ? "#/" : "#/status"),
    KeyB: () => app.open.list(),
    ArrowUp: () => step(list, -1),
    ArrowDown: () => step(list, 1),
  };
  return acts[code];
}

/** @param {KeyboardEvent} event @param {import("./chat-composer.js").ChatComposer} composer */
function plain(event, composer) {
  if (event.key === "Escape" && app.session.isBusy) return () => app.session.stop();
  if (/** @type {Element} */ (event.target).closest("input, textarea, select")) return undefined;
  if (event.key === "/") return () => composer.focusField();
  return event.key === "?" ? () => app.open.keys() : undefined;
}

/** @param {import("./chat-list.js").ChatList} list @param {number} by */
function step(list, by) {
  const chats = list.shown;
  const at = chats.findIndex((chat) => chat === app.session.chat);
  const next = chats[at + by] ?? chats[0];
  if (next) app.go(next.id);
}

customElements.define("key-help", KeyHelp);
