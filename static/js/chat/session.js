// @ts-check
// One chat at work: send, answer again, continue, edit, delete, change branches.

import { newId } from "../ids.js";
import { childrenOf, newestLeaf, pathTo, siblings, subtree } from "../store/branches.js";
import { tame } from "../strings.js";
import { requestBody } from "./request.js";

/** @typedef {import("../store/history.js").Chat} Chat */
/** @typedef {import("../store/history.js").Message} Message */
/** @typedef {import("../store/history.js").Attachment} Attachment */

const TITLE_CHARS = 60;

/** Fires "path" when other messages are to be shown. */
export class Session extends EventTarget {
  /** What follows each message, until messages come or go. @type {Map<string | null, Message[]> | null} */
  #byParent = null;
  /** Settings of a chat that has not begun. */
  draft = { system: /** @type {string | null} */ (null), settings: /** @type {Record<string, any>} */ ({}) };

  /** @param {any} app @param {Chat | null} chat null: it begins with the first message @param {Message[]} messages */
  constructor(app, chat, messages) {
    super();
    this.app = app;
    this.chat = chat;
    this.messages = new Map(messages.map((message) => [message.id, message]));
  }

  /** The branch that is shown. */
  get path() {
    return pathTo(this.messages, this.chat?.leaf ?? null);
  }

  get isBusy() {
    return Boolean(this.chat && this.app.runs.of(this.chat.id).length);
  }

  /** @param {Message} message */
  siblings(message) {
    if (!this.#byParent) {
      this.#byParent = new Map();
      for (const one of this.messages.values()) {
        const beside = this.#byParent.get(one.parent) ?? [];
        this.#byParent.set(one.parent, [...beside, one]);
      }
    }
    const beside = this.#byParent.get(message.parent) ?? [];
    return beside.length > 1 ? siblings(this.messages, message) : beside;
  }

  /** Settings that are this chat's own. */
  get own() {
    return this.chat ?? this.draft;
  }

  /** @param {{system?: string | null, settings?: Record<string, any>}} changes */
  async change(changes) {
    Object.assign(this.own, changes);
    if (this.chat) await this.app.saveChat(this.chat);
  }

  /** @param {string} content @param {Attachment[]} attachments */
  async send(content, attachments) {
    const chat = this.chat ?? this.#begin(content || attachments[0]?.name || "");
    await this.#add(this.#message("user", chat.leaf, { content, attachments }));
    await this.#answer();
  }

  /** The same place in other words: a new branch. @param {Message} message @param {string} content */
  async edit(message, content) {
    const { attachments, callId, role } = message;
    await this.#add(this.#message(role, message.parent, { content, attachments, callId, state: "done" }));
    if (role !== "assistant") await this.#answer();
  }

  /** Another answer beside this one. @param {Message} message */
  async regenerate(message) {
    await this.#showLeaf(message.parent);
    await this.#answer();
  }

  /** Go on where an answer ended. @param {Message} message */
  async continue(message) {
    const path = pathTo(this.messages, message.parent);
    Object.assign(message, { state: "running", stream: newId(), kept: message.content.length, error: "", finish: "" });
    this.#run(message, requestBody(this.#chat, path, message));
    await this.app.history.save({ messages: [message] });
  }

  /** @param {Message} message @param {string} content */
  async giveResult(message, callId, content) {
    const leaf = newestLeaf(this.messages, message.id);
    await this.#add(this.#message("tool", leaf, { content, callId }));
    const given = new Set(this.path.map((one) => one.callId));
    if (message.calls?.every((call) => given.has(call.id))) await this.#answer();
  }

  /** A message and all that follows it, in all branches. @param {Message} message */
  async remove(message) {
    const gone = subtree(this.messages, message.id);
    for (const id of gone) this.app.runs.get(id)?.stop();
    const others = siblings(this.messages, message).filter((other) => other !== message);
    for (const id of gone) this.messages.delete(id);
    await this.app.history.removeMessages(gone);
    const beside = others.at(-1);
    await this.#showLeaf(beside ? newestLeaf(this.messages, beside.id) : message.parent);
  }

  /** Show a version of a message, and what followed it last. @param {Message} message */
  async choose(message) {
    await this.#showLeaf(newestLeaf(this.messages, message.id));
  }

  stop() {
    for (const run of this.app.runs.of(this.#chat.id)) run.stop();
  }

  get #chat() {
    return /** @type {Chat} */ (this.chat);
  }

  /** @param {string} words */
  #begin(words) {
    const line = tame(words.slice(0, 4 * TITLE_CHARS));
    const title = line.length > TITLE_CHARS ? `${line.slice(0, TITLE_CHARS).trimEnd()}…` : line;
    const now = Date.now();
    this.chat = { id: newId(), title, createdAt: now, updatedAt: now, isPinned: false, leaf: null, ...this.draft };
    this.app.chats.set(this.chat.id, this.chat);
    this.app.go(this.chat.id);
    return this.chat;
  }

  /** @param {Message["role"]} role @param {string | null} parent @param {Partial<Message>} rest @returns {Message} */
  #message(role, parent, rest) {
    // siblings are told apart by their age
    const youngest = childrenOf(this.messages, parent).at(-1)?.createdAt ?? 0;
    const createdAt = Math.max(Date.now(), youngest + 1);
    return { id: newId(), chat: this.#chat.id, parent, role, content: "", createdAt, state: "done", ...rest };
  }

  async #answer() {
    const path = this.path;
    const message = this.#message("assistant", this.#chat.leaf, { state: "running", stream: newId() });
    const body = requestBody(this.#chat, path, null);
    this.#run(message, body);
    await this.#add(message);
  }

  /** @param {Message} message @param {any} body */
  #run(message, body) {
    this.app.runs.start(message, body);
    this.dispatchEvent(new CustomEvent("run", { detail: message }));
  }

  /** @param {Message} message */
  async #add(message) {
    this.messages.set(message.id, message);
    await this.app.history.save({ messages: [message] });
    await this.#showLeaf(message.id);
  }

  /** @param {string | null} leaf */
  async #showLeaf(leaf) {
    this.#byParent = null;
    Object.assign(this.#chat, { leaf, updatedAt: Date.now() });
    this.dispatchEvent(new Event("path"));
    await this.app.saveChat(this.#chat);
  }
}
