// @ts-check
// <settings-dialog>: theme, key, system prompt, sampling; of all chats or of the one that is shown; presets; data.

import { app } from "../app.js";
import { element, oncePerFrame, replaceChildren, textButton } from "../dom.js";
import { FIELDS, defaultOf } from "../fields.js";
import { givenSettings, preferences } from "../preferences.js";
import { say } from "../strings.js";
import { confirmed } from "./ask.js";
import { dialogHead } from "./dialog-head.js";
import { presetRow } from "./presets.js";

export class SettingsDialog extends HTMLElement {
  #scope = "all";
  #form = element("div", { class: "settings" });
  #index = element("nav", { class: "settings-index", "aria-label": say("settings") });
  #dialog = element("dialog", { class: "wide", "aria-label": say("settings") });

  connectedCallback() {
    const scopes = element("div", { class: "scopes", role: "group", "aria-label": say("settings") }, this.#scopeButton("all", say("forAll")), this.#scopeButton("chat", say("forThis")));
    const head = dialogHead(say("settings"), () => this.#dialog.close(), scopes);
    this.#form.addEventListener("scroll", oncePerFrame(() => this.#markPlace()), { passive: true });
    this.#dialog.append(head, this.#index, this.#form);
    this.append(this.#dialog);
  }

  show() {
    this.#draw();
    this.#dialog.showModal();
    this.#form.scrollTop = 0;
    this.#markPlace();
  }

  /** @param {string} scope @param {string} label */
  #scopeButton(scope, label) {
    const choose = () => {
      this.#scope = scope;
      this.#draw();
    };
    return textButton(label, choose, { class: "button scope", "data-scope": scope });
  }

  /** What the chosen scope holds. @returns {Record<string, any>} */
  get #values() {
    if (this.#scope === "all") return preferences.settings;
    const { system, settings } = app.session.own;
    return system == null ? settings : { system, ...settings };
  }

  /** @param {Record<string, any>} values */
  #keep(values) {
    if (this.#scope === "all") preferences.settings = values;
    else {
      const { system = null, ...settings } = values;
      void app.session.change({ system, settings });
    }
  }

  /** @param {string} name @param {any} value "" = nothing of its own */
  #set(name, value) {
    const { [name]: _before, ...rest } = this.#values;
    this.#keep(value === "" ? rest : { ...rest, [name]: value });
  }

  #draw() {
    for (const button of this.#dialog.querySelectorAll(".scope")) button.setAttribute("aria-pressed", String(button.dataset.scope === this.#scope));
    const isAll = this.#scope === "all";
    replaceChildren(
      this.#form,
      this.#group("general", isAll && this.#theme(), isAll && this.#key(), this.#area("system", say("systemPrompt"), say("systemPromptHint"))),
      this.#group("answerForm", ...this.#fields("answers"), this.#area("json_schema", say("jsonSchema"), say("jsonSchemaHint"), true), this.#area("tools", say("tools"), say("toolsHint"), true)),
      this.#group("sampling", presetRow(() => this.#values, (values) => (this.#keep(values), this.#draw())), ...this.#fields("sampling")),
      this.#group("penalties", ...this.#fields("penalties")),
      this.#group("data", isAll && this.#data(), element("div", { class: "buttons" }, textButton(say("resetAll"), () => (this.#keep({}), this.#draw())))),
    );
    const groups = [...this.#form.querySelectorAll("fieldset")];
    const link = (/** @type {HTMLElement} */ group) => textButton(group.firstChild?.textContent ?? "", () => group.scrollIntoView(), { class: "list-action" });
    replaceChildren(this.#index, ...groups.map(link));
    this.#markPlace();
  }

  /** The index shows which group is being read. */
  #markPlace() {
    const { top, bottom } = this.#form.getBoundingClientRect();
    const groups = [...this.#form.querySelectorAll("fieldset")];
    const isAtEnd = this.#form.scrollHeight - this.#form.scrollTop - this.#form.clientHeight < 2;
    const read = groups.findLastIndex((group) => group.getBoundingClientRect().top < top + (bottom - top) / 3);
    const now = isAtEnd ? groups.length - 1 : Math.max(0, read);
    [...this.#index.children].forEach((one, i) => one.setAttribute("aria-current", String(i === now)));
  }

  /** @param {any} title @param {...any} rows */
  #group(title, ...rows) {
    return element("fieldset", {}, element("legend", {}, say(title)), ...rows);
  }

  /** @param {string} group */
  #fields(group) {
    const params = { ...app.server.props?.default_generation_settings?.params, ...givenSettings(), ...(this.#scope === "chat" ? preferences.settings : {}) };
    return FIELDS.filter((field) => field.group === group).map((field) => {
      const isText = field.name === "samplers";
      const shown = defaultOf(params, field);
      const input = element("input", { type: isText ? "text" : "number", name: field.name, step: field.step ?? "any", min: field.min, max: field.max, placeholder: shown, ".value": this.#values[field.name] ?? "" });
      input.addEventListener("change", () => input.checkValidity() && this.#set(field.name, isText || input.value === "" ? input.value : Number(input.value)));
      return this.#labelled(field.label, field.hint, input);
    });
  }

  /** @param {string} name @param {string} label @param {string} hint @param {boolean} [isJson] */
  #area(name, label, hint, isJson = false) {
    const error = element("p", { class: "error", role: "alert" });
    const field = element("textarea", { name, rows: 3, dir: "auto", spellcheck: !isJson, ".value": this.#values[name] ?? "" });
    field.addEventListener("change", () => {
      error.textContent = "";
      try {
        if (isJson && field.value.trim()) JSON.parse(field.value);
        this.#set(name, field.value.trim());
      } catch (problem) {
        error.textContent = say("badJson", { reason: /** @type {Error} */ (problem).message });
      }
    });
    return element("div", {}, this.#labelled(label, hint, field, "tall"), error);
  }

  #theme() {
    const names = [["system", say("themeSystem")], ["light", say("themeLight")], ["dark", say("themeDark")]];
    const field = element("select", { name: "theme" }, ...names.map(([value, label]) => element("option", { value, selected: value === preferences.theme }, label)));
    field.addEventListener("change", () => (preferences.theme = field.value));
    return this.#labelled(say("theme"), "", field);
  }

  #key() {
    const field = element("input", { type: "password", name: "key", autocomplete: "off", ".value": preferences.key });
    field.addEventListener("change", () => {
      preferences.key = field.value.trim();
      void app.server.watch();
    });
    return this.#labelled(say("apiKey"), say("apiKeyHint"), field);
  }

  #data() {
    const file = element("input", { type: "file", accept: "application/json", hidden: true, onChange: () => file.files[0] && app.importFile(file.files[0]) });
    return element(
      "div",
      { class: "buttons" },
      textButton(say("exportAll"), () => app.exportAll()),
      textButton(say("importChats"), () => file.click()),
      textButton(say("deleteAll"), async () => (await confirmed(say("deleteAllSure"), say("remove"))) && app.removeAll(), { class: "button danger" }),
      file,
    );
  }

  /** @param {string} label @param {string} hint @param {HTMLElement} field */
  #labelled(label, hint, field, style = "") {
    return element("label", { class: `field ${style}` }, element("span", {}, label, hint && element("small", {}, hint)), field);
  }
}

customElements.define("settings-dialog", SettingsDialog);
