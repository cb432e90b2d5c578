// @ts-check
// Server-sent events out of the bytes of an answer.

import { Unreachable } from "./api.js";

/**
 * The events of a body, as they come. Comments are left out. Unreachable where the connection breaks.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{id: string, data: string}>}
 */
export async function* events(body) {
  const reader = body.getReader();
  // a TextDecoderStream between them would cost as much as all else that is done for a token
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error) => {
        throw error.name === "AbortError" ? error : new Unreachable(String(error));
      });
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = /** @type {string} */ (parts.pop());
      for (const part of parts) {
        const event = eventOf(part);
        if (event.data) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} part */
function eventOf(part) {
  const event = { id: "", data: "" };
  for (const line of part.split("\n")) {
    if (line.startsWith("data:")) event.data += (event.data && "\n") + line.slice(5).trimStart();
    else if (line.startsWith("id:")) event.id = line.slice(3).trim();
  }
  return event;
}
