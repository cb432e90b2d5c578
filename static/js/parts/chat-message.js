// @ts-check
// <chat-message>: one message of a chat, of whichever role, with what can be done with it.

import { app } from "../app.js";
import { element, icon, replaceChildren } from "../dom.js";
import { duration, say } from "../strings.js";
import { editForm } from "./edit-form.js";
import { actionRow } from "./message-actions.js";
import { callCards } from "./tool-calls.js";

/** @typedef {import("../store/history.js").Message} Message */

export class ChatMessage extends HTMLElement {
  /** @type {Message} */ #message;
  /** @type {any} */ #text = null;
  #thinking = element("details", { class: "thinking", hidden: true }, element("summary", {}, icon("thought"), element("span"), icon("right")), element("rich-text"));
  #attachments = element("div", { class: "attachments" });
  #body = element("div", { class: "body" });
  #calls = element("div", { class: "calls" });
  #note = element("p", { class: "note", hidden: true });
  #foot = element("div", { class: "foot" });
  #isNear = false;
  #nCalls = 0;
  #footMade = "";

  /** @param {Message} message */
  constructor(message) {
    super();
    this.#message = message;
  }

  get message() {
    return this.#message;
  }

  connectedCallback() {
    if (this.firstChild) return;
    const { role } = this.#message;
    this.className = `message ${role}`;
    this.setAttribute("role", "article");
    this.setAttribute("aria-label", say(role === "user" ? "you" : role === "tool" ? "toolResult" : "assistant"));
    if (role === "tool") this.append(element("div", { class: "tool-head" }, icon("tool"), say("toolResult")));
    this.append(this.#attachments, this.#thinking, this.#body, this.#calls, this.#note, this.#foot);
    this.#showAttachments();
    this.update();
  }

  /** Format the text: the message is in sight, or soon will be. */
  comeNear() {
    if (this.#isNear) return;
    this.#isNear = true;
    this.update();
  }

  /** Show the message as it is now. */
  update() {
    const { role, content, state, calls = [] } = this.#message;
    const isRunning = state === "running";
    if (role === "assistant" && (this.#isNear || isRunning)) this.#rich().show(content, !isRunning);
    else if (this.#body.textContent !== content) this.#body.replaceChildren(element("p", { class: "plain" }, content));
    this.#showThinking(isRunning);
    if (calls.length || this.#nCalls) {
      this.#nCalls = calls.length;
      replaceChildren(this.#calls, ...callCards(this.#message, app.session));
      this.classList.toggle("only-calls", calls.length > 0 && !content);
    }
    if (this.classList.contains("running") !== isRunning) {
      this.classList.toggle("running", isRunning);
      this.toggleAttribute("aria-busy", isRunning);
    }
    this.#showNote();
    if (!isRunning) this.showFoot();
    else if (this.#foot.firstChild) this.#foot.replaceChildren();
  }

  /** The row below: versions, actions, figures. */
  showFoot() {
    const { id, state } = this.#message;
    if (!this.#isNear || state === "running") return;
    // made anew only if something in it is another: there may be hundreds
    const versions = app.session.siblings(this.#message).map((one) => one.id);
    const made = [state, app.session.chat?.leaf === id, this.#message.content.length, ...versions].join();
    if (made === this.#footMade && this.#foot.firstChild) return;
    this.#footMade = made;
    replaceChildren(this.#foot, ...actionRow(this.#message, app.session, this));
  }

  /** Write the message anew. */
  edit() {
    const form = editForm(this.#message, app.session, () => {
      form.remove();
      this.classList.remove("editing");
    });
    this.classList.add("editing");
    this.append(form);
    form.querySelector("textarea")?.focus();
  }

  #rich() {
    if (!this.#text) {
      this.#text = element("rich-text");
      this.#body.replaceChildren(this.#text);
    }
    return this.#text;
  }

  #showAttachments() {
    const shown = (this.#message.attachments ?? []).map((one) => {
      if (one.kind === "image") return element("img", { src: one.data, alt: one.name });
      if (one.kind === "audio") return element("audio", { src: one.data, controls: true, "aria-label": one.name });
      return element("details", { class: "file" }, element("summary", {}, icon("file"), element("bdi", {}, one.name)), element("pre", { tabindex: 0 }, one.data));
    });
    replaceChildren(this.#attachments, ...shown);
  }

  /** @param {boolean} isRunning */
  #showThinking(isRunning) {
    const { thinking, thinkingMs, content } = this.#message;
    if (this.#thinking.hidden === Boolean(thinking)) this.#thinking.hidden = !thinking;
    if (!thinking) return;
    const isThinking = isRunning && !content;
    this.#thinking.classList.toggle("active", isThinking);
    this.#thinking.querySelector("span").textContent = isThinking ? say("thinking") : say("thoughtFor", { time: duration(thinkingMs ?? 0) });
    if (this.#isNear || isRunning) this.#thinking.querySelector("rich-text").show(thinking, !isThinking);
  }

  #showNote() {
    const note = this.#noteText();
    if (this.#note.textContent === note) return;
    this.#note.textContent = note;
    this.#note.hidden = !note;
    this.#note.classList.toggle("error", this.#message.state === "failed");
  }

  #noteText() {
    const { state, error, finish, content } = this.#message;
    if (state === "running") return this.#waitingText();
    if (state === "failed") return `${say("failed")}: ${error}`;
    if (state === "cut") return say("cutOff");
    if (state === "stopped" && !content) return say("stopped");
    return state === "done" && finish === "length" ? say("lengthReached") : "";
  }

  #waitingText() {
    const run = app.runs.get(this.#message.id);
    if (run?.isReconnecting) return say("reconnecting");
    if (!run || run.reply.hasBegun) return "";
    const { progress } = run.reply;
    return progress == null ? say("waiting") : say("readingPrompt", { percent: Math.round(progress * 100) });
  }
}

customElements.define("chat-message", ChatMessage);
