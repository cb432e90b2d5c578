// @ts-check
// The row below a message: its versions, what can be done with it, what it cost.

import { element, iconButton } from "../dom.js";
import { duration, number, say } from "../strings.js";

/** @typedef {import("../store/history.js").Message} Message */
/** @typedef {import("../chat/session.js").Session} Session */

/** @param {Message} message @param {Session} session @param {{edit(): void}} shown */
export function actionRow(message, session, shown) {
  const isLast = session.chat?.leaf === message.id;
  const isAnswer = message.role === "assistant";
  const buttons = element(
    "div",
    { class: "actions" },
    message.content && iconButton("copy", say("copy"), (event) => copy(message, /** @type {HTMLElement} */ (event.currentTarget))),
    (message.content || !message.calls?.length) && iconButton("edit", say("edit"), () => shown.edit()),
    isAnswer && iconButton("again", say("regenerate"), () => session.regenerate(message)),
    isAnswer && isLast && message.content && !message.calls?.length && iconButton("continue", say("continueAnswer"), () => session.continue(message)),
    iconButton("delete", say("deleteMessage"), () => session.remove(message)),
  );
  return [versions(message, session), buttons, figures(message)];
}

/** @param {Message} message @param {Session} session */
function versions(message, session) {
  const all = session.siblings(message);
  if (all.length < 2) return null;
  const i = all.indexOf(message);
  const step = (/** @type {number} */ to) => () => session.choose(all[to]);
  return element(
    "div",
    { class: "versions", role: "group" },
    iconButton("left", say("previousBranch"), step(i - 1), { disabled: i === 0 }),
    element("span", {}, say("branchOf", { n: i + 1, all: all.length })),
    iconButton("right", say("nextBranch"), step(i + 1), { disabled: i === all.length - 1 }),
  );
}

/** @param {Message} message */
function figures({ timings, firstMs }) {
  if (!timings?.predicted_n) return null;
  const parts = [
    say("tokens", { n: timings.predicted_n }),
    timings.predicted_per_second && say("perSecond", { n: number(timings.predicted_per_second) }),
    firstMs && say("firstToken", { time: duration(firstMs) }),
  ];
  return element("span", { class: "figures" }, parts.filter(Boolean).join(" · "));
}

/** @param {Message} message @param {HTMLElement} button */
async function copy(message, button) {
  await navigator.clipboard.writeText(message.content);
  button.classList.add("done");
  button.setAttribute("aria-label", say("copied"));
  setTimeout(() => {
    button.classList.remove("done");
    button.setAttribute("aria-label", say("copy"));
  }, 1500);
}
