// @ts-check
// What the page has to say for a moment, and what is wrong with the server for as long as it is.

import { app } from "../app.js";
import { element, iconButton, replaceChildren, textButton } from "../dom.js";
import { say } from "../strings.js";

const SHOWN_MS = 7000;

/** @param {Element} place @param {Element} banner */
export function showNotices(place, banner) {
  app.addEventListener("notice", (event) => {
    const { text, action } = /** @type {CustomEvent} */ (event).detail;
    const notice = element("div", { class: "notice" }, element("span", { dir: "auto" }, text));
    const close = () => notice.remove();
    if (action) notice.append(textButton(action.label, () => (close(), action.act())));
    notice.append(iconButton("close", say("close"), close));
    place.append(notice);
    setTimeout(close, SHOWN_MS);
  });
  const show = () => replaceChildren(banner, ...bannerContent());
  app.server.addEventListener("change", show);
  show();
}

function bannerContent() {
  switch (app.server.state) {
    case "loading":
      return [element("p", {}, say("loadingModel"), element("i", { class: "dots" }))];
    case "gone":
      return [element("p", {}, say("serverGone"), element("i", { class: "dots" }))];
    case "locked":
      return [element("p", {}, say("keyWrong")), textButton(say("enterKey"), () => app.open.settings())];
    default:
      return [];
  }
}
