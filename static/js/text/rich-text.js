// @ts-check
// <rich-text>: a model's text, formatted, and cheap to add to.
//
// A text that grows is read from its last block on: what stands before it is settled and stays as it is.

import { colourCode, frameCode } from "./code.js";
import { blocksOf, fragmentOf, hasMarkdown, plainParagraph, sanitizeMath } from "./markdown.js";
import { drawMath } from "./math.js";

/** Reading the last block takes at most this share of the time. */
const SHARE = 0.1;

export class RichText extends HTMLElement {
  #text = "";
  /** Characters in blocks that stay. */
  #settled = 0;
  /** The nodes of the last block. @type {ChildNode[]} */
  #open = [];
  #restUntil = 0;
  /** @type {number | undefined} */ #later;

  get text() {
    return this.#text;
  }

  /** Show a text. @param {string} text @param {boolean} isWhole nothing will be added */
  show(text, isWhole) {
    const isMore = text.startsWith(this.#text.slice(0, this.#settled)) && text.length >= this.#settled;
    this.#text = text;
    if (!isMore) this.#clear();
    clearTimeout(this.#later);
    const now = performance.now();
    if (isWhole || now >= this.#restUntil) this.#draw(isWhole);
    else this.#later = setTimeout(() => this.#draw(false), this.#restUntil - now);
  }

  #clear() {
    this.#settled = 0;
    this.#open = [];
    this.replaceChildren();
  }

  /** @param {boolean} isWhole */
  #draw(isWhole) {
    const begun = performance.now();
    if (!hasMarkdown()) this.#replaceOpen(this.#text ? [plainParagraph(this.#text)] : []);
    // a reference may be defined below the link that uses it
    else if (isWhole && this.#settled && /^ {0,3}\[[^\]]+\]:/m.test(this.#text)) {
      this.#clear();
      this.#drawBlocks(isWhole);
    } else this.#drawBlocks(isWhole);
    this.#restUntil = performance.now() + (performance.now() - begun) / SHARE;
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

customElements.define("rich-text", RichText);
