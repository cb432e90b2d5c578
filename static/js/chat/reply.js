// @ts-check
// Chunks of a streamed answer -> the message that they make. No network, no page; the clock is handed in.

/** @typedef {import("../store/history.js").Message} Message */

export class Reply {
  /** @param {Message} message @param {() => number} [now] ms */
  constructor(message, now = () => performance.now()) {
    this.message = message;
    /** How much of the prompt is read, 0 to 1; null: unknown. @type {number | null} */
    this.progress = null;
    this.now = now;
    this.startedAt = now();
    this.thinkingSince = 0;
    this.restart();
  }

  /** The stream is read again from its beginning. */
  restart() {
    const { message } = this;
    message.content = message.content.slice(0, message.kept ?? 0);
    message.thinking = "";
    message.calls = [];
    message.error = "";
  }

  /** Whether a token has come. */
  get hasBegun() {
    const { content, kept, thinking, calls } = this.message;
    return content.length > (kept ?? 0) || Boolean(thinking) || Boolean(calls?.length);
  }

  /** @param {any} chunk the object of one event */
  apply(chunk) {
    const { message } = this;
    if (chunk.error) {
      message.error = String(chunk.error.message ?? chunk.error);
      return;
    }
    if (chunk.prompt_progress) {
      const { total, cache, processed } = chunk.prompt_progress;
      this.progress = total > cache ? (processed - cache) / (total - cache) : 1;
    }
    if (chunk.timings) message.timings = chunk.timings;
    if (chunk.model) message.model = chunk.model;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    if (choice.delta) this.#take(choice.delta);
    if (choice.finish_reason) message.finish = choice.finish_reason;
  }

  /** @param {any} delta */
  #take(delta) {
    const { message } = this;
    if (delta.reasoning_content) {
      this.#noteFirst();
      this.thinkingSince ||= this.now();
      message.thinking += delta.reasoning_content;
      message.thinkingMs = this.now() - this.thinkingSince;
    }
    if (delta.content) {
      this.#noteFirst();
      message.content += delta.content;
    }
    for (const call of delta.tool_calls ?? []) this.#takeCall(call);
  }

  #noteFirst() {
    if (!this.hasBegun) this.message.firstMs ??= this.now() - this.startedAt;
  }

  /** @param {any} part */
  #takeCall(part) {
    this.#noteFirst();
    const calls = (this.message.calls ??= []);
    const call = (calls[part.index ?? calls.length] ??= { id: "", name: "", arguments: "" });
    if (part.id) call.id = part.id;
    if (part.function?.name) call.name += part.function.name;
    if (part.function?.arguments) call.arguments += part.function.arguments;
  }
}
