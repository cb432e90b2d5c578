// @ts-check
// Questions that the page asks before it goes on: is it sure, and what is it to be called.

import { element, textButton } from "../dom.js";
import { say } from "../strings.js";

/** Whether it is to be done. @param {string} question @param {string} act what the button says */
export async function confirmed(question, act) {
  const yes = textButton(act, () => yes.closest("dialog").close("yes"), { class: "button danger", autofocus: true });
  return (await answerTo(question, null, yes)) === "yes";
}

/** A word; nothing if there is none. @param {string} question @param {string} act what the button says */
export async function word(question, act) {
  const field = element("input", { "aria-label": question, autofocus: true, onKeydown: press });
  const done = () => field.closest("dialog").close(field.value.trim());
  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // or the button that has the focus then is pressed
    done();
  }
  return answerTo(question, field, textButton(act, done, { class: "button primary" }));
}

/** What the dialog was closed with. @param {string} question @param {Element | null} field @param {Element} button @returns {Promise<string>} */
function answerTo(question, field, button) {
  const dialog = element("dialog", { class: "ask", "aria-label": question });
  const cancel = textButton(say("cancel"), () => dialog.close());
  dialog.append(element("p", {}, question), field ?? "", element("div", { class: "buttons" }, cancel, button));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
