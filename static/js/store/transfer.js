// @ts-check
// Chats as a JSON file, and back. What comes in is checked field by field: it may be anybody's file.

/** @typedef {import("./history.js").Chat} Chat */
/** @typedef {import("./history.js").Message} Message */

const FORMAT = "llamactl-chats";
const VERSION = 1;
const ROLES = new Set(["user", "assistant", "tool"]);
const STATES = new Set(["done", "stopped", "cut", "failed"]);
const KINDS = new Set(["text", "image", "audio"]);

/** @param {Chat[]} chats @param {Message[]} messages */
export function exported(chats, messages) {
  return JSON.stringify({ format: FORMAT, version: VERSION, chats, messages }, null, 1);
}

/**
 * What a file holds, under new ids, so that nothing is written over. Throws if it is no such file.
 * @param {string} text @param {() => string} newId @returns {{chats: Chat[], messages: Message[]}}
 */
export function imported(text, newId) {
  const file = JSON.parse(text);
  if (file?.format !== FORMAT || !Array.isArray(file.chats) || !Array.isArray(file.messages)) throw new TypeError(FORMAT);
  /** @type {Map<string, string>} */
  const ids = new Map();
  for (const record of [...file.chats, ...file.messages]) ids.set(record.id, newId());
  const chats = file.chats.map((/** @type {any} */ chat) => chatOf(chat, ids));
  const known = new Set(chats.map((/** @type {Chat} */ chat) => chat.id));
  const messages = file.messages
    .map((/** @type {any} */ message) => messageOf(message, ids))
    .filter((/** @type {Message} */ message) => known.has(message.chat));
  return { chats, messages };
}

/** @param {any} chat @param {Map<string, string>} ids @returns {Chat} */
function chatOf(chat, ids) {
  return {
    id: /** @type {string} */ (ids.get(chat.id)),
    title: String(chat.title ?? ""),
    createdAt: Number(chat.createdAt) || Date.now(),
    updatedAt: Number(chat.updatedAt) || Date.now(),
    isPinned: Boolean(chat.isPinned),
    leaf: ids.get(chat.leaf) ?? null,
    system: typeof chat.system === "string" ? chat.system : null,
    settings: chat.settings && typeof chat.settings === "object" ? chat.settings : {},
  };
}

/** @param {any} message @param {Map<string, string>} ids @returns {Message} */
function messageOf(message, ids) {
  const attachments = Array.isArray(message.attachments) ? message.attachments : [];
  const calls = Array.isArray(message.calls) ? message.calls : [];
  return {
    id: /** @type {string} */ (ids.get(message.id)),
    chat: ids.get(message.chat) ?? "",
    parent: ids.get(message.parent) ?? null,
    role: ROLES.has(message.role) ? message.role : "user",
    content: String(message.content ?? ""),
    createdAt: Number(message.createdAt) || Date.now(),
    state: STATES.has(message.state) ? message.state : "done",
    attachments: attachments.filter(isAttachment),
    thinking: String(message.thinking ?? ""),
    thinkingMs: Number(message.thinkingMs) || 0,
    calls: calls.map((/** @type {any} */ call) => ({
      id: String(call?.id ?? ""),
      name: String(call?.name ?? ""),
      arguments: String(call?.arguments ?? ""),
    })),
    callId: String(message.callId ?? ""),
    error: String(message.error ?? ""),
    finish: String(message.finish ?? ""),
    model: String(message.model ?? ""),
    timings: numbersOf(message.timings),
    firstMs: Number(message.firstMs) || 0,
  };
}

/** @param {any} values @returns {Record<string, number>} */
function numbersOf(values) {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => typeof value === "number"));
}

/** @param {any} attachment */
function isAttachment(attachment) {
  const { kind, name, data } = attachment ?? {};
  if (!KINDS.has(kind) || typeof name !== "string" || typeof data !== "string") return false;
  return kind === "text" || data.startsWith(`data:${kind}/`);
}
