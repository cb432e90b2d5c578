// @ts-check
// Chats and their messages, kept in the browser's database.

import { openDatabase, transact } from "./database.js";

/**
 * @typedef {object} Chat
 * @property {string} id @property {string} title @property {number} createdAt @property {number} updatedAt
 * @property {boolean} isPinned @property {string | null} leaf the last message of the branch that is shown
 * @property {string | null} system its own system prompt; null: that of all chats
 * @property {Record<string, any>} settings as far as they are its own
 */
/**
 * @typedef {object} Attachment
 * @property {"text" | "image" | "audio"} kind @property {string} name @property {string} data text, or a data: URL
 */
/**
 * @typedef {object} Message
 * @property {string} id @property {string} chat @property {string | null} parent
 * @property {"user" | "assistant" | "tool"} role @property {string} content @property {number} createdAt
 * @property {Attachment[]} [attachments]
 * @property {string} [thinking] @property {number} [thinkingMs]
 * @property {{id: string, name: string, arguments: string}[]} [calls] @property {string} [callId]
 * @property {"running" | "done" | "stopped" | "cut" | "failed"} [state] @property {string} [error]
 * @property {string} [stream] the id under which the server keeps it
 * @property {number} [kept] characters of content that stood before a continuation
 * @property {Record<string, number>} [timings] @property {number} [firstMs] @property {string} [finish] @property {string} [model]
 */

export class History {
  /** @type {IDBDatabase} */ #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  static async open() {
    return new History(await openDatabase());
  }

  /** @returns {Promise<Chat[]>} */
  chats() {
    return transact(this.#database, "readonly", ({ chats }) => chats.getAll());
  }

  /** @param {string} chat @returns {Promise<Message[]>} */
  messages(chat) {
    return transact(this.#database, "readonly", ({ messages }) => messages.index("chat").getAll(chat));
  }

  /** @returns {Promise<Message[]>} */
  allMessages() {
    return transact(this.#database, "readonly", ({ messages }) => messages.getAll());
  }

  /** Write all of it, or none. @param {{chats?: Chat[], messages?: Message[]}} records */
  async save({ chats = [], messages = [] }) {
    await transact(this.#database, "readwrite", (stores) => {
      for (const chat of chats) stores.chats.put(chat);
      for (const message of messages) stores.messages.put(message);
    });
  }

  /** @param {string[]} ids */
  async removeMessages(ids) {
    await transact(this.#database, "readwrite", ({ messages }) => {
      for (const id of ids) messages.delete(id);
    });
  }

  /** A chat with all its messages. @param {string} id */
  async removeChat(id) {
    const messages = await this.messages(id);
    await transact(this.#database, "readwrite", (stores) => {
      stores.chats.delete(id);
      for (const message of messages) stores.messages.delete(message.id);
    });
  }

  async removeAll() {
    await transact(this.#database, "readwrite", ({ chats, messages }) => {
      chats.clear();
      messages.clear();
    });
  }
}
