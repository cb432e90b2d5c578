// @ts-check
// All answers that are being written, in whichever chat, and what is saved of them meanwhile.

import { Run } from "./run.js";

/** @typedef {import("../store/history.js").Message} Message */

const SAVE_MS = 1000;

/** Fires "start", "change" with `message`, and "end" with `run`. */
export class Runs extends EventTarget {
  /** By the ids of their messages. @type {Map<string, Run>} */
  #running = new Map();

  /** @param {import("../store/history.js").History} history */
  constructor(history) {
    super();
    this.history = history;
  }

  /** @param {string} id of a message */
  get(id) {
    return this.#running.get(id);
  }

  /** @param {string} chat */
  of(chat) {
    return [...this.#running.values()].filter((run) => run.message.chat === chat);
  }

  /** Ask for an answer. @param {Message} message @param {any} body */
  start(message, body) {
    void this.#follow(message).start(body);
  }

  /** Read on what was written when the page went away. @param {Message} message */
  resume(message) {
    if (!this.#running.has(message.id)) void this.#follow(message).resume();
  }

  stopAll() {
    for (const run of this.#running.values()) run.stop();
  }

  /** @param {Message} message */
  #follow(message) {
    const run = new Run(message);
    this.#running.set(message.id, run);
    this.dispatchEvent(new Event("start"));
    let savedAt = performance.now();
    run.addEventListener("change", () => {
      this.dispatchEvent(new CustomEvent("change", { detail: message }));
      if (performance.now() - savedAt < SAVE_MS) return;
      savedAt = performance.now();
      void this.history.save({ messages: [message] });
    });
    run.addEventListener("end", () => {
      this.#running.delete(message.id);
      void this.history.save({ messages: [message] });
      this.dispatchEvent(new CustomEvent("end", { detail: run }));
    });
    return run;
  }
}
