// @ts-check
// Puts the page together, once its data is there.

import { app } from "./app.js";
import { element, iconButton, oncePerFrame } from "./dom.js";
import { preferences, showTheme } from "./preferences.js";
import { say, tame } from "./strings.js";
import { loadMarkdown } from "./text/markdown.js";
import "./text/rich-text.js";
import "./parts/chat-list.js";
import "./parts/chat-thread.js";
import "./parts/chat-composer.js";
import "./parts/live-figures.js";
import "./parts/settings-dialog.js";
import "./parts/status-page.js";
import { listenToKeys } from "./parts/key-help.js";
import { showNotices } from "./parts/notices.js";

const NARROW = matchMedia("(max-width: 760px)");

async function begin() {
  showTheme();
  const markdown = loadMarkdown();
  try {
    await app.start();
  } catch (error) {
    document.body.append(element("p", { class: "fatal" }, say("historyFailed", { reason: String(error) })));
    throw error;
  }
  await markdown;
  build();
  void app.server.watch();
}

function build() {
  const list = element("chat-list");
  const composer = element("chat-composer");
  const settings = element("settings-dialog");
  const keys = element("key-help");
  const banner = element("div", { class: "banner", role: "status" });
  const notices = element("div", { class: "notices", role: "status" });
  const toggle = foldable(list);
  const chat = element("div", { class: "chat" }, element("chat-thread"), element("div", { class: "dock" }, element("live-figures"), composer));
  const main = element("main", {}, topOf(chat, toggle), banner, notices, chat, element("status-page"));
  const shade = element("button", { type: "button", class: "shade", "aria-label": say("closeList"), tabindex: -1, onClick: toggle });
  app.open = { settings: () => settings.show(), keys: () => keys.show(), list: toggle };
  document.body.prepend(list, shade, main, settings, keys);
  acceptDrops(composer);
  listenToKeys({ list, composer });
  showNotices(notices, banner);
  composer.focusField();
}

/** What stands above a chat: its title and the model. @param {any} chat @param {() => void} toggle */
function topOf(chat, toggle) {
  const title = element("h2", { class: "chat-title" });
  const model = element("span", { class: "model-name" });
  const show = () => {
    const words = app.route === "status" ? say("status") : tame(app.session.chat?.title ?? "");
    title.textContent = app.route === "status" ? "" : words; // that page has a heading
    document.title = words ? `${words} · ${say("appName")}` : say("appName");
    model.textContent = app.server.modelName;
    chat.hidden = app.route !== "chat";
  };
  const showSoon = oncePerFrame(show);
  for (const name of ["session", "chats", "route"]) app.addEventListener(name, showSoon);
  app.server.addEventListener("change", showSoon);
  show();
  return element("header", { class: "top" }, iconButton("menu", say("openList"), toggle, { class: "icon-button open-list" }), title, model);
}

/** The list can be folded away; on narrow screens it comes over the chat. What does so is returned. @param {any} list */
function foldable(list) {
  const { classList } = document.body;
  const inertList = () => {
    list.inert = NARROW.matches ? !classList.contains("list-open") : preferences.isFolded;
  };
  app.addEventListener("session", () => {
    classList.remove("list-open");
    inertList();
  });
  NARROW.addEventListener("change", inertList);
  classList.toggle("list-folded", preferences.isFolded);
  inertList();
  return () => {
    if (NARROW.matches) classList.toggle("list-open");
    else classList.toggle("list-folded", (preferences.isFolded = !preferences.isFolded));
    inertList();
  };
}

/** @param {any} composer */
function acceptDrops(composer) {
  let depth = 0;
  document.body.dataset.drop = say("dropHere");
  const mark = (/** @type {number} */ by) => document.body.classList.toggle("dropping", (depth = Math.max(0, depth + by)) > 0);
  addEventListener("dragenter", (event) => event.dataTransfer?.types.includes("Files") && mark(1));
  addEventListener("dragleave", () => mark(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer?.files.length) void composer.attach([...event.dataTransfer.files]);
  });
}

void begin();
