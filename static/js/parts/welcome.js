// @ts-check
// What a chat shows before it begins.

import { element } from "../dom.js";
import { say, strings } from "../strings.js";

/** @param {any} app */
export function welcome(app) {
  const { server } = app;
  const suggestions = strings.suggestions.map((words) =>
    element("button", { type: "button", class: "suggestion", onClick: () => app.session.send(words, []) }, words),
  );
  return element(
    "div",
    { class: "welcome" },
    element("h1", {}, say("greeting")),
    server.modelName && element("p", { class: "soft" }, say("startHint", { model: server.modelName })),
    element("div", { class: "suggestions" }, ...suggestions),
  );
}
