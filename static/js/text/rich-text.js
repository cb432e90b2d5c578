// @ts-check
// <rich-text>: a model's text, formatted, and cheap to add to.
//
// A text that grows is read from its last block on: what stands before it is settled and stays as it is. Between two readings
// words are added to the last text node, if they are nothing but words.

import { colourCode, frameCode } from "./code.js";
import { blocksOf, fragmentOf, hasMarkdown, plainParagraph, sanitizeMath } from "./markdown.js";
import { drawMath } from "./math.js";

/** Reading the last block takes at most this share of the time, */
const SHARE = 0.03;
/** and is done this often at most. */
const PAUSE_MS = 100;
/** What has no meaning in Markdown, in the middle of a line. */
const WORDS = /^[\p{L}\p{N} ,.;:'"?!()/%-]*$/u;
/** Code whose first line is whole, and that is not closed. */
const OPEN_FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n(?![\s\S]*\n {0,3}\1[`~]*\s*$)/;
/** So much of a text node tells that it stands at the text's end. */
const SURE_CHARS = 12;

export class RichText extends HTMLElement {
  #text = "";
  /** Characters in blocks that stay. */
  #settled = 0;
  /** The nodes of the last block. @type {ChildNode[]} */
  #open = [];
  /** Where words can be added: the end of the last block, if it shows the whole text. @type {Text | null} */
  #end = null;
  #isCode = false;
  #restUntil = 0;
  /** @type {number | undefined} */ #later;

  get text() {
    return this.#text;
  }

  /** Show a text. @param {string} text @param {boolean} isWhole nothing will be added */
  show(text, isWhole) {
    const before = this.#text;
    if (text === before && !isWhole) return;
    const isMore = text.length >= this.#settled && text.startsWith(before.slice(0, this.#settled));
    this.#text = text;
    if (!isMore) this.#clear();
    clearTimeout(this.#later);
    const now = performance.now();
    if (isWhole || now >= this.#restUntil) return this.#draw(isWhole);
    this.#addWords(before);
    this.#later = setTimeout(() => this.#draw(false), this.#restUntil - now);
  }

  /** Show what was added to a text, without reading it. @param {string} before */
  #addWords(before) {
    if (!this.#end || !this.#text.startsWith(before)) return void (this.#end = null);
    const added = this.#text.slice(before.length);
    if (this.#isCode ? /[`~]/.test(added) : !WORDS.test(added)) this.#end = null;
    else this.#end.appendData(added);
  }

  #clear() {
    this.#settled = 0;
    this.#open = [];
    this.replaceChildren();
  }

  /** @param {boolean} isWhole */
  #draw(isWhole) {
    // in code that is not closed yet, nothing is anything else
    if (this.#isCode && this.#end && !isWhole) return;
    const begun = performance.now();
    if (!hasMarkdown()) this.#replaceOpen(this.#text ? [plainParagraph(this.#text)] : []);
    // a reference may be defined below the link that uses it
    else if (isWhole && this.#settled && /^ {0,3}\[[^\]]+\]:/m.test(this.#text)) {
      this.#clear();
      this.#drawBlocks(isWhole);
    } else this.#drawBlocks(isWhole);
    const now = performance.now();
    this.#restUntil = now + Math.max(PAUSE_MS, (now - begun) / SHARE);
  }

  /** @param {boolean} isWhole */
  #drawBlocks(isWhole) {
    const blocks = blocksOf(this.#text.slice(this.#settled));
    let last = blocks.length - 1;
    while (last > 0 && blocks[last].type === "space") last--;
    if (isWhole) last = blocks.length;
    const done = blocks.slice(0, Math.max(0, last));
    if (done.length) {
      this.#replaceOpen([]);
      this.append(this.#finished(done, blocks));
      this.#settled += done.reduce((sum, block) => sum + block.raw.length, 0);
      void this.#decorate();
    }
    const rest = blocks.slice(done.length);
    this.#replaceOpen(rest.length ? [...this.#finished(rest, blocks).childNodes] : []);
    this.#findEnd(rest[0]);
  }

  /** @param {any} block the one that is under way, if any */
  #findEnd(block) {
    this.#isCode = block?.type === "code" && OPEN_FENCE.test(block.raw);
    const end = lastText(this);
    const shown = end?.data.slice(-SURE_CHARS) ?? "";
    const isWhole = shown.trim() && this.#text.replace(this.#isCode ? /\n$/ : "", "").endsWith(shown);
    this.#end = isWhole ? end : null;
    if (this.#isCode && this.#end && this.#text.endsWith("\n")) this.#end.appendData("\n");
  }

  /** @param {any[]} blocks @param {any} all with the links that are defined */
  #finished(blocks, all) {
    const fragment = fragmentOf(Object.assign(blocks, { links: all.links }));
    frameCode(fragment);
    return fragment;
  }

  /** @param {ChildNode[]} nodes */
  #replaceOpen(nodes) {
    for (const node of this.#open) node.remove();
    this.#open = nodes;
    this.append(...nodes);
  }

  async #decorate() {
    await Promise.all([colourCode(this), drawMath(this, sanitizeMath)]);
  }
}

/** The last text node that shows something. @param {Node} root @returns {Text | null} */
function lastText(root) {
  let node = root.lastChild;
  while (node instanceof Text && !node.data.trim()) node = node.previousSibling;
  return node instanceof Text ? node : node && lastText(node);
}

customElements.define("rich-text", RichText);
