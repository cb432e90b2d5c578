// @ts-check
// Messages of a chat as a tree: an edit or another answer begins a branch beside the old one. Pure.

/** @typedef {import("./history.js").Message} Message */

/** The messages from the first one to a leaf. @param {Map<string, Message>} messages @param {string | null} leaf */
export function pathTo(messages, leaf) {
  const path = [];
  const seen = new Set();
  for (let message = leaf ? messages.get(leaf) : undefined; message && !seen.has(message.id); ) {
    seen.add(message.id);
    path.push(message);
    message = message.parent ? messages.get(message.parent) : undefined;
  }
  return path.reverse();
}

/** The messages that stand at the same place, the oldest first. @param {Map<string, Message>} messages @param {Message} message */
export function siblings(messages, message) {
  return childrenOf(messages, message.parent);
}

/** @param {Map<string, Message>} messages @param {string | null} parent */
export function childrenOf(messages, parent) {
  return [...messages.values()].filter((other) => other.parent === parent).sort(byAge);
}

/** The end of the newest branch below a message. @param {Map<string, Message>} messages @param {string} id */
export function newestLeaf(messages, id) {
  let leaf = id;
  for (let below = childrenOf(messages, leaf); below.length; below = childrenOf(messages, leaf)) {
    leaf = /** @type {Message} */ (below.at(-1)).id;
  }
  return leaf;
}

/** A message and all below it. @param {Map<string, Message>} messages @param {string} id @returns {string[]} */
export function subtree(messages, id) {
  const found = [id];
  for (let i = 0; i < found.length; i++) found.push(...childrenOf(messages, found[i]).map((child) => child.id));
  return found;
}

/** @param {Message} a @param {Message} b */
function byAge(a, b) {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}
