// @ts-check
// Calls of tools in an answer, and a field for each result that is still to come.

import { element, icon, textButton } from "../dom.js";
import { say, tame } from "../strings.js";

/** @param {import("../store/history.js").Message} message @param {import("../chat/session.js").Session} session */
export function callCards(message, session) {
  const given = new Set(session.path.map((one) => one.callId).filter(Boolean));
  const isOpen = message.state === "done";
  return (message.calls ?? []).filter(Boolean).map((call) =>
    element(
      "div",
      { class: "call" },
      element("div", { class: "call-name" }, icon("tool"), say("toolCall"), element("code", {}, element("bdi", {}, tame(call.name)))),
      element("pre", { tabindex: 0, "aria-label": say("toolArguments") }, indented(call.arguments)),
      isOpen && !given.has(call.id) && resultForm(message, call.id, session),
    ),
  );
}

/** @param {import("../store/history.js").Message} message @param {string} callId @param {import("../chat/session.js").Session} session */
function resultForm(message, callId, session) {
  const field = element("textarea", { rows: 2, "aria-label": say("giveResult"), placeholder: say("giveResult") });
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    void session.giveResult(message, callId, field.value);
  };
  return element("form", { class: "result", onSubmit: send }, field, textButton(say("sendResult"), () => {}, { type: "submit" }));
}

/** @param {string} text */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
