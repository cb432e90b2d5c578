// @ts-check
// The upper edge of a dialog: its title, which has the focus first, and a button that closes it.

import { element, iconButton } from "../dom.js";
import { say } from "../strings.js";

/** @param {string} title @param {() => void} close @param {...Element} between */
export function dialogHead(title, close, ...between) {
  return element("div", { class: "dialog-head" }, element("h2", { tabindex: -1, autofocus: true }, title), ...between, iconButton("close", say("close"), close));
}
