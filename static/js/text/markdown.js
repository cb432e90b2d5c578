// @ts-check
// The ONE place where a model's text becomes markup: marked makes it, DOMPurify lets through what is harmless.
//
// Markup that the model writes itself stays text. Links lead to http, https and mailto only, pictures become links.
// Without the libraries everything is plain text.

import { element } from "../dom.js";
import { say } from "../strings.js";
import { mathExtensions } from "./math.js";

const TAGS = `a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr input li ol p pre span strong table tbody td th thead tr ul`;
const RULES = {
  ALLOWED_TAGS: TAGS.split(" "),
  ALLOWED_ATTR: ["href", "title", "class", "align", "start", "type", "checked", "disabled"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  // what is no address is not held against addresses
  ADD_URI_SAFE_ATTR: ["align", "start", "type"],
  RETURN_DOM_FRAGMENT: true,
};
// the element that holds a formula is looked through as well, and must be let through
const MATH_RULES = { USE_PROFILES: { mathMl: true }, ADD_TAGS: ["span"], FORBID_TAGS: ["annotation-xml", "maction", "style"], IN_PLACE: true };

/** @type {any} */ let marked;
/** @type {any} */ let purify;

/** Fetch the libraries. False: they are not installed, and texts stay plain. */
export async function loadMarkdown() {
  try {
    const [{ Marked }] = await Promise.all([
      import(/** @type {any} */ ("../../lib/marked.js")),
      import(/** @type {any} */ ("../../lib/purify.js")),
    ]);
    // the short form of this library is a script, which leaves its name behind
    const { DOMPurify } = /** @type {any} */ (globalThis);
    DOMPurify.addHook("afterSanitizeAttributes", tameElement);
    purify = DOMPurify;
    marked = new Marked({ gfm: true, breaks: false, renderer: RENDERER, extensions: mathExtensions });
    return true;
  } catch {
    return false;
  }
}

export function hasMarkdown() {
  return Boolean(marked);
}

/** The blocks of a text, with the characters that each takes up. @param {string} text @returns {any[]} */
export function blocksOf(text) {
  return marked.lexer(text);
}

/** Nodes for some blocks of a text. @param {any[]} blocks @returns {DocumentFragment} */
export function fragmentOf(blocks) {
  return purify.sanitize(marked.parser(blocks), RULES);
}

/** Nodes for markup that a highlighter made of code. @param {string} markup @returns {DocumentFragment} */
export function highlightedFragment(markup) {
  return purify.sanitize(markup, { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], RETURN_DOM_FRAGMENT: true });
}

/** Formulas are drawn as elements, and looked through where they are. @param {Element} drawn */
export function sanitizeMath(drawn) {
  purify.sanitize(drawn, MATH_RULES);
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

const RENDERER = {
  /** @param {any} token */
  html({ text }) {
    return /^<br\s*\/?>$/i.test(text.trim()) ? "<br>" : escaped(text);
  },
  /** @param {any} token */
  image({ href, text }) {
    return `<a href="${escaped(href)}">${escaped(text || href)}</a>`;
  },
  /** @param {any} token */
  code({ text, lang }) {
    const language = /^[\w#+.-]{1,30}/.exec(lang ?? "")?.[0] ?? "";
    return `<pre><code class="language-${escaped(language)}">${escaped(text)}</code></pre>\n`;
  },
};

/** @param {any} node */
function tameElement(node) {
  if (node.nodeName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  } else if (node.nodeName === "INPUT") {
    // task lists have boxes to look at
    if (node.getAttribute("type") !== "checkbox") node.remove();
    node.setAttribute("disabled", "");
    node.setAttribute("aria-label", say(node.hasAttribute("checked") ? "taskDone" : "taskOpen"));
  }
}

/** A text as it is, in one paragraph that keeps its lines. @param {string} text */
export function plainParagraph(text) {
  return element("p", { class: "plain" }, text);
}
