// @ts-check
// The form in which a message is written anew: a user's is sent again, an answer's words are replaced.

import { element, textButton } from "../dom.js";
import { say } from "../strings.js";

/** @param {import("../store/history.js").Message} message @param {import("../chat/session.js").Session} session @param {() => void} close */
export function editForm(message, session, close) {
  const field = element("textarea", { "aria-label": say("editMessage"), rows: 3, dir: "auto", onKeydown: press, ".value": message.content });
  const isAnswer = message.role === "assistant";

  function save() {
    close();
    if (field.value !== message.content || !isAnswer) void session.edit(message, field.value);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !event.shiftKey) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return element(
    "form",
    { class: "edit", onSubmit: (/** @type {Event} */ event) => event.preventDefault() },
    field,
    element(
      "div",
      { class: "buttons" },
      textButton(say("cancel"), close),
      textButton(say(isAnswer ? "saveOnly" : "saveAndSend"), save, { class: "button primary" }),
    ),
  );
}
