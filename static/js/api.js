// @ts-check
// Asks the server: paths below the page's own address, so that a prefix needs no setting; the key; errors.

import { preferences } from "./preferences.js";

/** What the server refused, in its own words. */
export class Refused extends Error {
  /** @param {number} status @param {string} message @param {string} type */
  constructor(status, message, type) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** The server can't be reached. */
export class Unreachable extends Error {}

/**
 * An answer with a good status. Refused, Unreachable; AbortError if the signal says so.
 * @param {string} path without a slash before it
 * @param {{method?: string, body?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 */
export async function ask(path, { method, body, headers = {}, signal } = {}) {
  const sent = new Headers(headers);
  if (preferences.key) sent.set("Authorization", `Bearer ${encodedKey(preferences.key)}`);
  if (body !== undefined) sent.set("Content-Type", "application/json");
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method: method ?? (body === undefined ? "GET" : "POST"),
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: sent,
      signal,
      cache: "no-store",
    });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new Unreachable(String(error));
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function askJson(path, signal) {
  return (await ask(path, { signal })).json();
}

/** Headers carry bytes; a key may be any text. @param {string} key */
function encodedKey(key) {
  return String.fromCharCode(...new TextEncoder().encode(key.trim()));
}

/** @param {Response} response */
async function refusal(response) {
  try {
    const { error } = await response.json();
    return new Refused(response.status, error.message, error.type);
  } catch {
    return new Refused(response.status, `${response.status} ${response.statusText}`, "");
  }
}
