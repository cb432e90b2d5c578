// @ts-check

/** A new id, which nobody can guess. Pages without HTTPS have no crypto.randomUUID. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
