// @ts-check
// Messages of a chat -> the body of /v1/chat/completions. Pure.

import { effective, requestSettings } from "../fields.js";

/** @typedef {import("../store/history.js").Message} Message */
/** @typedef {import("../store/history.js").Chat} Chat */

/**
 * @param {Chat} chat @param {Message[]} path the messages before the answer
 * @param {Message | null} begun an answer that is to be continued
 */
export function requestBody(chat, path, begun) {
  const { system, settings } = effective(chat);
  const messages = [];
  if (system.trim()) messages.push({ role: "system", content: system });
  for (const message of path) messages.push(wireMessage(message));
  if (begun) messages.push({ role: "assistant", content: begun.content });
  return {
    messages,
    stream: true,
    timings_per_token: true,
    return_progress: true,
    ...requestSettings(settings),
    ...(begun ? { continue_final_message: true, add_generation_prompt: false } : {}),
  };
}

/** @param {Message} message */
function wireMessage(message) {
  switch (message.role) {
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: message.content };
    case "assistant":
      return assistantMessage(message);
    default:
      return { role: "user", content: contentOf(message) };
  }
}

/** @param {Message} message */
function assistantMessage(message) {
  if (!message.calls?.length) return { role: "assistant", content: message.content };
  const calls = message.calls.map((call) => ({
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
  return { role: "assistant", content: message.content, tool_calls: calls };
}

/** Texts go before what was written about them; pictures and sounds are parts of their own. @param {Message} message */
function contentOf(message) {
  const attachments = message.attachments ?? [];
  const texts = attachments.filter((one) => one.kind === "text").map((one) => `File: ${one.name}\n\n${one.data}\n\n`);
  const text = texts.join("") + message.content;
  const media = attachments.filter((one) => one.kind !== "text");
  if (!media.length) return text;
  return [...media.map(mediaPart), { type: "text", text }];
}

/** @param {import("../store/history.js").Attachment} attachment */
function mediaPart(attachment) {
  if (attachment.kind === "image") return { type: "image_url", image_url: { url: attachment.data } };
  const [head, data] = attachment.data.split(",", 2);
  return { type: "input_audio", input_audio: { data, format: head.includes("mpeg") || head.includes("mp3") ? "mp3" : "wav" } };
}
