// @ts-check
// What is known of the server: whether it is there, what it runs, what the model takes.

import { Refused, askJson } from "./api.js";
import { takeGiven } from "./preferences.js";

const BUSY_MS = 1000;
const CALM_MS = 10_000;

/** Fires "change". */
export class Server extends EventTarget {
  /** @type {"asking" | "loading" | "ready" | "locked" | "gone"} */
  state = "asking";
  /** The object of /props. @type {any} */
  props = null;
  /** The first model of /v1/models. @type {any} */
  model = null;
  /** @type {number | undefined} */ #timer;

  get modelName() {
    const name = this.props?.model_alias ?? "";
    return name.split(/[\\/]/).pop().replace(/\.gguf$/i, "");
  }

  get contextSize() {
    return this.props?.default_generation_settings?.n_ctx ?? 0;
  }

  /** @param {"image" | "audio"} kind */
  takes(kind) {
    return Boolean(this.props?.modalities?.[kind === "image" ? "vision" : "audio"]);
  }

  /** Ask now, and go on asking. */
  async watch() {
    clearTimeout(this.#timer);
    await this.#look();
    if (this.state !== "locked") this.#timer = setTimeout(() => this.watch(), this.state === "ready" ? CALM_MS : BUSY_MS);
  }

  async #look() {
    const before = this.state;
    try {
      if (this.state === "ready" && this.props) await askJson("health");
      else await this.#learn();
      this.state = "ready";
    } catch (error) {
      this.state = stateOf(error);
    }
    if (this.state !== before) this.dispatchEvent(new Event("change"));
  }

  async #learn() {
    this.props = await askJson("props");
    takeGiven(this.props.ui_settings ?? {});
    this.model = (await askJson("v1/models").catch(() => null))?.data?.[0] ?? null;
  }
}

/** @param {unknown} error */
function stateOf(error) {
  if (!(error instanceof Refused)) return "gone";
  if (error.status === 401 || error.status === 403) return "locked";
  return error.status === 503 ? "loading" : "gone";
}
