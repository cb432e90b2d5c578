// @ts-check
// The page's state: chats, the one that is shown, answers that are being written. Elements listen to it and call it.

import { download } from "./dom.js";
import { newId } from "./ids.js";
import { Session } from "./chat/session.js";
import { Runs } from "./chat/runs.js";
import { Server } from "./server.js";
import { History } from "./store/history.js";
import { exported, imported } from "./store/transfer.js";
import { say, tame } from "./strings.js";

/** @typedef {import("./store/history.js").Chat} Chat */
/** @typedef {import("./store/history.js").Message} Message */

/**
 * Fires "chats" (the list is another), "session" (another chat is shown), "notice" (something to say, with `text` and perhaps
 * `action`), and "route".
 */
class App extends EventTarget {
  server = new Server();
  /** @type {Map<string, Chat>} */
  chats = new Map();
  /** Chats that finished while another was shown. @type {Set<string>} */
  unread = new Set();
  /** "status" or "chat" */
  route = "chat";
  /** What is done with the dialogs, filled by main.js. @type {Record<string, (part?: string) => void>} */
  open = {};

  async start() {
    this.history = await History.open();
    this.runs = new Runs(this.history);
    this.runs.addEventListener("end", (event) => this.#ended(/** @type {CustomEvent} */ (event).detail));
    this.session = new Session(this, null, []);
    for (const chat of await this.history.chats()) this.chats.set(chat.id, chat);
    this.#say("chats");
    await this.#resumeAll();
    addEventListener("hashchange", () => this.follow());
    await this.follow();
  }

  /** Show what the address says. */
  async follow() {
    const [, place, id] = location.hash.split("/");
    this.route = place === "status" ? "status" : "chat";
    if (this.route === "chat" && (id ?? null) !== (this.session.chat?.id ?? null)) await this.#show(id);
    this.#say("route");
  }

  /** @param {string} [id] nothing: a chat that is yet to begin */
  go(id) {
    location.hash = id ? `#/chat/${id}` : "#/";
  }

  /** @param {string} [id] */
  async #show(id) {
    const chat = id ? this.chats.get(id) : undefined;
    if (id && !chat) return this.go();
    const messages = chat ? await this.history.messages(chat.id) : [];
    // those that are being written are in memory, and newer there
    this.session = new Session(this, chat ?? null, messages.map((message) => this.runs.get(message.id)?.message ?? message));
    if (chat) this.unread.delete(chat.id);
    this.#say("session");
    this.#say("chats");
  }

  /** Keep what was changed of a chat. @param {Chat} chat */
  async saveChat(chat) {
    this.chats.set(chat.id, chat);
    this.#say("chats");
    await this.history.save({ chats: [chat] });
  }

  /** @param {Chat} chat */
  async removeChat(chat) {
    for (const run of this.runs.of(chat.id)) run.stop();
    this.chats.delete(chat.id);
    await this.history.removeChat(chat.id);
    if (this.session.chat === chat) this.go();
    this.#say("chats");
  }

  async removeAll() {
    this.runs.stopAll();
    this.chats.clear();
    await this.history.removeAll();
    this.go();
    this.#say("chats");
  }

  /** @param {Chat} chat */
  async exportChat(chat) {
    download(`${tame(chat.title) || "chat"}.json`, exported([chat], await this.history.messages(chat.id)));
  }

  async exportAll() {
    download("chats.json", exported([...this.chats.values()], await this.history.allMessages()));
  }

  /** @param {File} file */
  async importFile(file) {
    try {
      const records = imported(await file.text(), newId);
      await this.history.save(records);
      for (const chat of records.chats) this.chats.set(chat.id, chat);
      this.#say("chats");
      this.notify(say("importedChats", { n: records.chats.length }));
    } catch {
      this.notify(say("importFailed"));
    }
  }

  /** @param {string} text @param {{label: string, act: () => void}} [action] */
  notify(text, action) {
    this.dispatchEvent(new CustomEvent("notice", { detail: { text, action } }));
  }

  async #resumeAll() {
    const messages = await this.history.allMessages();
    for (const message of messages) if (message.state === "running") this.runs.resume(message);
  }

  /** @param {import("./chat/run.js").Run} run */
  #ended(run) {
    const chat = this.chats.get(run.message.chat);
    if (run.refusal) void this.server.watch();
    if (!chat || run.message.state === "stopped") return this.#say("chats");
    if (this.session.chat !== chat || document.hidden || this.route !== "chat") {
      this.unread.add(chat.id);
      if (this.session.chat !== chat) {
        const title = tame(chat.title) || say("untitled");
        this.notify(say("answerReadyIn", { title }), { label: say("openIt"), act: () => this.go(chat.id) });
      }
    }
    this.#say("chats");
  }

  /** @param {string} name */
  #say(name) {
    this.dispatchEvent(new Event(name));
  }
}

export const app = new App();
