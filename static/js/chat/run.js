// @ts-check
// One answer while it is written: asks for it, reads on where a connection broke, stops it.

import { Refused, Unreachable, ask } from "../api.js";
import { events } from "../sse.js";
import { Reply } from "./reply.js";

/** @typedef {import("../store/history.js").Message} Message */

const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;
const DONE = "[DONE]";

/** Fires "change" as the answer grows or its connection comes and goes, and "end" once. */
export class Run extends EventTarget {
  #abort = new AbortController();
  #isStopped = false;
  #isOver = false;
  #lastId = "";
  /** Whether the server has the stream, as far as is known. */
  #isKept = false;

  /** @param {Message} message with the id of its stream */
  constructor(message) {
    super();
    this.message = message;
    this.reply = new Reply(message);
    this.isReconnecting = false;
    /** @type {Error | null} */
    this.refusal = null;
  }

  /** Ask for an answer. @param {any} body */
  async start(body) {
    await this.#read(() =>
      ask("v1/chat/completions", { body, headers: { "X-Conversation-Id": this.#stream }, signal: this.#abort.signal }),
    );
  }

  /** Read again what the server kept, after the page was loaded anew. */
  async resume() {
    this.#isKept = true;
    await this.#read(() => this.#again());
  }

  stop() {
    this.#isStopped = true;
    if (this.#isKept) return this.#leave();
    // the server may not have begun, and would go on alone: it is told once its answer is there
    this.#end("stopped");
  }

  #leave() {
    ask(`v1/stream?conv_id=${encodeURIComponent(this.#stream)}`, { method: "DELETE" }).catch(() => {});
    this.#abort.abort();
  }

  get #stream() {
    return /** @type {string} */ (this.message.stream);
  }

  /** @param {() => Promise<Response>} open */
  async #read(open) {
    let lostAt = 0;
    for (;;) {
      try {
        const response = await open();
        open = () => this.#again();
        this.#isKept = true;
        if (this.#isStopped) return this.#leave();
        if (this.isReconnecting) this.#reconnecting(false);
        lostAt = 0;
        if (response.status === 204 || (await this.#take(response))) return this.#end("done");
        throw new Unreachable("the connection ended");
      } catch (error) {
        if (this.#isStopped) return this.#end("stopped");
        if (!(error instanceof Unreachable || isStarting(error))) return this.#refused(/** @type {Error} */ (error));
        lostAt ||= performance.now();
        if (performance.now() - lostAt > PATIENCE_MS) return this.#end("cut");
        this.#reconnecting(true);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        if (this.#isStopped) return this.#end("stopped");
      }
    }
  }

  #again() {
    /** @type {Record<string, string>} */
    const headers = this.#lastId ? { "Last-Event-ID": this.#lastId } : {};
    return ask(`v1/stream?conv_id=${encodeURIComponent(this.#stream)}`, { headers, signal: this.#abort.signal });
  }

  /** Whether the stream came to its end. @param {Response} response */
  async #take(response) {
    if (!this.#lastId) this.reply.restart();
    for await (const { id, data } of events(/** @type {ReadableStream} */ (response.body))) {
      if (id) this.#lastId = id;
      if (data === DONE) return true;
      this.reply.apply(JSON.parse(data));
      if (this.message.error) return true;
      this.#changed();
    }
    return false;
  }

  /** @param {Error} error */
  #refused(error) {
    // the server no longer has the stream, or its beginning: what came stays
    if (this.#isKept && error instanceof Refused && [400, 404].includes(error.status)) return this.#end("cut");
    this.refusal = error;
    this.message.error = error.message;
    this.#end("failed");
  }

  /** @param {boolean} is */
  #reconnecting(is) {
    this.isReconnecting = is;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {"done" | "stopped" | "cut" | "failed"} state */
  #end(state) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.isReconnecting = false;
    this.message.state = this.message.error ? "failed" : state;
    this.dispatchEvent(new Event("end"));
  }
}

/** Whether the server is there, and not ready yet. @param {unknown} error */
function isStarting(error) {
  return error instanceof Refused && error.status === 503;
}
