// @ts-check
// <status-page>: the slots as they work, charts of the last minutes, what model it is. Asks only while it is shown.

import { Refused, ask, askJson } from "../api.js";
import { app } from "../app.js";
import { element, replaceChildren, textButton } from "../dom.js";
import { Gauges } from "../gauges.js";
import { compact, number, say, size } from "../strings.js";
import { chart } from "./chart.js";

const EVERY_MS = 1000;

export class StatusPage extends HTMLElement {
  #slots = element("div", { class: "slots" });
  #charts = element("div", { class: "charts" });
  #card = element("dl", { class: "card" });
  #gauges = new Gauges();
  /** @type {number | undefined} */ #timer;

  connectedCallback() {
    const head = element("div", { class: "page-head" }, element("h1", {}, say("status")), textButton(say("backToChats"), () => app.go(app.session.chat?.id)));
    const part = (/** @type {any} */ title, /** @type {Element} */ content) => element("section", {}, element("h2", {}, say(title)), content);
    this.append(head, part("slots", this.#slots), this.#charts, part("modelCard", this.#card));
    app.addEventListener("route", () => this.#follow());
    app.server.addEventListener("change", () => this.#drawCard());
    this.#follow();
  }

  #follow() {
    clearTimeout(this.#timer);
    this.hidden = app.route !== "status";
    if (this.hidden) return;
    this.#drawCard();
    void this.#look();
  }

  async #look() {
    await Promise.all([this.#drawSlots(), this.#drawCharts()]);
    if (!this.hidden) this.#timer = setTimeout(() => this.#look(), EVERY_MS);
  }

  async #drawSlots() {
    try {
      replaceChildren(this.#slots, ...(await askJson("slots")).map(slotCard));
    } catch (error) {
      if (error instanceof Refused && error.status === 501) replaceChildren(this.#slots, element("p", { class: "soft" }, say("slotsOff")));
    }
  }

  async #drawCharts() {
    try {
      this.#gauges.take(await (await ask("metrics")).text(), performance.now());
      replaceChildren(this.#charts, ...this.#gauges.series.map(chart));
    } catch (error) {
      if (error instanceof Refused && error.status === 501) replaceChildren(this.#charts, element("p", { class: "soft" }, say("metricsOff")));
    }
  }

  #drawCard() {
    const { props, model, contextSize, modelName } = app.server;
    if (!props) return;
    const meta = model?.meta ?? {};
    const takes = [say("text"), app.server.takes("image") && say("images"), app.server.takes("audio") && say("audio")];
    const template = element("details", {}, element("summary", {}, say("showTemplate")), element("pre", { tabindex: 0 }, props.chat_template ?? ""));
    const rows = [
      ["cardName", modelName], ["cardParameters", meta.n_params && compact(meta.n_params)], ["cardSize", meta.size && size(meta.size)],
      ["cardType", props.model_ftype], ["cardContext", number(contextSize)], ["cardTrained", meta.n_ctx_train && number(meta.n_ctx_train)],
      ["cardSlots", props.total_slots], ["cardVocab", meta.n_vocab && number(meta.n_vocab)], ["cardModalities", takes.filter(Boolean).join(", ")],
      ["cardBuild", props.build_info], ["cardTemplate", template],
    ];
    const shown = rows.filter(([, value]) => value).map(([key, value]) => element("div", {}, element("dt", {}, say(key)), element("dd", {}, value instanceof Node ? value : String(value))));
    replaceChildren(this.#card, ...shown);
  }
}

/** @param {any} slot of /slots */
function slotCard(slot) {
  const processed = slot.n_prompt_tokens_processed ?? 0;
  const cached = slot.n_prompt_tokens_cache ?? 0;
  const decoded = slot.next_token?.[0]?.n_decoded ?? 0;
  const used = slot.n_prompt_tokens ?? 0;
  const state = !slot.is_processing ? say("slotIdle") : decoded ? say("slotDecode", { n: decoded }) : say("slotPrompt");
  const bar = element("div", { class: "bar", role: "meter", "aria-label": say("contextLabel"), "aria-valuemin": 0, "aria-valuemax": slot.n_ctx, "aria-valuenow": used }, element("i"));
  bar.firstChild.style.transform = `scaleX(${Math.min(1, used / slot.n_ctx)})`;
  const share = cached + processed ? Math.round((100 * cached) / (cached + processed)) : 0;
  return element(
    "div",
    { class: `slot ${slot.is_processing ? "busy" : ""}` },
    element("div", { class: "slot-head" }, element("strong", {}, say("slot", { n: slot.id })), element("span", {}, state)),
    bar,
    element(
      "small",
      {},
      element("span", {}, say("contextUsed", { used: compact(used), all: compact(slot.n_ctx) })),
      slot.is_processing && element("span", {}, say("slotCached", { percent: share })),
    ),
  );
}

customElements.define("status-page", StatusPage);
