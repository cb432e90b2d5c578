// @ts-check
// <chat-composer>: the field for the next message, what is attached to it, and stop.

import { app } from "../app.js";
import { LONG_PASTE_CHARS, NotAttached, attachmentOf } from "../attachments.js";
import { element, icon, iconButton, replaceChildren } from "../dom.js";
import { say } from "../strings.js";

export class ChatComposer extends HTMLElement {
  #field = element("textarea", { rows: 1, dir: "auto", "aria-label": say("messagePlaceholder"), placeholder: say("messagePlaceholder"), enterkeyhint: "send" });
  #files = element("input", { type: "file", multiple: true, hidden: true, "aria-hidden": "true", tabindex: -1 });
  #chips = element("div", { class: "chips" });
  #go = iconButton("send", say("send"), () => this.#sendOrStop(), { class: "icon-button go" });
  /** @type {import("../store/history.js").Attachment[]} */
  #attached = [];
  #nPasted = 0;

  connectedCallback() {
    const row = element("div", { class: "row" }, iconButton("attach", say("attach"), () => this.#files.click()), this.#field, this.#go);
    this.append(this.#chips, row, this.#files);
    this.#field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#press(event));
    this.#field.addEventListener("paste", (/** @type {ClipboardEvent} */ event) => this.#paste(event));
    this.#field.addEventListener("input", () => this.#show());
    this.#files.addEventListener("change", () => {
      void this.attach(this.#files.files ?? []);
      this.#files.value = "";
    });
    for (const name of ["start", "end"]) app.runs.addEventListener(name, () => this.#show());
    app.addEventListener("session", () => {
      this.#show();
      if (matchMedia("(pointer: fine)").matches && app.route === "chat") this.focusField();
    });
    app.addEventListener("chats", () => this.#show());
    this.#show();
  }

  focusField() {
    this.#field.focus();
  }

  get isEmpty() {
    return !this.#field.value.trim();
  }

  /** @param {Iterable<File>} files */
  async attach(files) {
    for (const file of files) {
      try {
        this.#attached.push(await attachmentOf(file, app.server));
      } catch (error) {
        if (!(error instanceof NotAttached)) throw error;
        app.notify(error.message);
      }
    }
    this.#show();
    this.focusField();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    // Enter ends a word that an input method is composing; on telephones it is a new line
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    if (matchMedia("(pointer: coarse)").matches && !event.ctrlKey) return;
    event.preventDefault();
    if (!app.session.isBusy) this.#send();
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const data = event.clipboardData;
    if (data?.files.length) {
      event.preventDefault();
      return void this.attach([...data.files]);
    }
    const text = data?.getData("text/plain") ?? "";
    if (text.length < LONG_PASTE_CHARS) return;
    event.preventDefault();
    this.#attached.push({ kind: "text", name: say("pastedText", { n: ++this.#nPasted }), data: text });
    this.#show();
  }

  #sendOrStop() {
    if (app.session.isBusy) app.session.stop();
    else this.#send();
  }

  #send() {
    const content = this.#field.value.trim();
    if (!content && !this.#attached.length) return;
    const attachments = this.#attached;
    this.#field.value = "";
    this.#attached = [];
    this.#nPasted = 0;
    this.#show();
    void app.session.send(content, attachments);
  }

  #show() {
    const { isBusy } = app.session;
    if (this.#go.dataset.busy !== String(isBusy)) {
      this.#go.dataset.busy = String(isBusy);
      const label = say(isBusy ? "stop" : "send");
      this.#go.setAttribute("aria-label", label);
      this.#go.title = label;
      this.#go.replaceChildren(icon(isBusy ? "stop" : "send"));
    }
    this.#go.disabled = !isBusy && this.isEmpty && !this.#attached.length;
    if (this.#chips.childElementCount !== this.#attached.length) this.#showChips();
  }

  #showChips() {
    const chips = this.#attached.map((one, i) => {
      const remove = () => {
        this.#attached.splice(i, 1);
        this.#showChips();
        this.#show();
        this.focusField();
      };
      const shown = one.kind === "image" ? element("img", { src: one.data, alt: "" }) : icon(one.kind === "audio" ? "sound" : "file");
      return element("span", { class: "chip" }, shown, element("bdi", {}, one.name), iconButton("close", say("removeAttachment", { name: one.name }), remove));
    });
    replaceChildren(this.#chips, ...chips);
  }
}

customElements.define("chat-composer", ChatComposer);
