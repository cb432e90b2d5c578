// @ts-check
// Code in answers: its language, a button that copies it, colours once their library is there.

import { element, icon } from "../dom.js";
import { say } from "../strings.js";
import { highlightedFragment } from "./markdown.js";

const COLOURED_CHARS = 50_000;
/** Names that people use, and the file that knows the language. @type {Record<string, string>} */
const ALIASES = {
  "c++": "cpp", cc: "cpp", h: "c", hpp: "cpp", "c#": "csharp", cs: "csharp", js: "javascript", jsx: "javascript", mjs: "javascript",
  ts: "typescript", tsx: "typescript", py: "python", python3: "python", rb: "ruby", rs: "rust", sh: "bash", zsh: "bash", console: "shell",
  html: "xml", svg: "xml", yml: "yaml", md: "markdown", golang: "go", kt: "kotlin", ps1: "powershell", docker: "dockerfile", toml: "ini",
  tex: "latex", objc: "objectivec", asm: "x86asm", make: "makefile", proto: "protobuf", text: "plaintext", txt: "plaintext",
};

/** @type {Promise<any> | undefined} */ let core;
/** @type {Map<string, Promise<boolean>>} */
const languages = new Map();

/** Give the code blocks below an element their heads. @param {ParentNode} root */
export function frameCode(root) {
  for (const pre of root.querySelectorAll("pre:not(.framed)")) {
    const code = pre.firstElementChild;
    if (!code) continue;
    const language = languageOf(code);
    pre.classList.add("framed");
    pre.setAttribute("tabindex", "0");
    const frame = element("div", { class: "code" }, element("div", { class: "code-head" }, element("span", {}, language || "text"), copyButton(code)));
    pre.replaceWith(frame);
    frame.append(pre);
  }
}

/** Colour the code below an element. @param {ParentNode} root */
export async function colourCode(root) {
  for (const code of root.querySelectorAll("pre > code:not(.coloured)")) {
    const name = languageOf(code);
    const text = code.textContent ?? "";
    if (!name || text.length > COLOURED_CHARS) continue;
    const language = ALIASES[name] ?? name;
    const highlighter = await (core ??= load("../../lib/highlight.js"));
    if (!highlighter || !(await known(highlighter, language)) || code.textContent !== text) continue;
    code.classList.add("coloured");
    code.replaceChildren(highlightedFragment(highlighter.highlight(text, { language, ignoreIllegals: true }).value));
  }
}

/** @param {Element} code */
function languageOf(code) {
  const name = [...code.classList].find((one) => one.startsWith("language-")) ?? "";
  return name.slice("language-".length).toLowerCase();
}

/** @param {Element} code */
function copyButton(code) {
  const button = element("button", { type: "button", class: "copy", "aria-label": say("copyCode"), onClick: copy }, icon("copy"), element("span", {}, say("copy")));
  async function copy() {
    await navigator.clipboard.writeText(code.textContent ?? "");
    button.lastChild.textContent = say("copied");
    setTimeout(() => (button.lastChild.textContent = say("copy")), 1500);
  }
  return button;
}

/** @param {any} highlighter @param {string} language */
function known(highlighter, language) {
  if (!/^[\w-]+$/.test(language)) return false;
  if (!languages.has(language)) languages.set(language, learn(highlighter, language));
  return languages.get(language);
}

/** @param {any} highlighter @param {string} language */
async function learn(highlighter, language) {
  const grammar = await load(`../../lib/languages/${language}.js`);
  if (grammar) highlighter.registerLanguage(language, grammar);
  return Boolean(grammar);
}

/** @param {string} path */
async function load(path) {
  try {
    return (await import(path)).default;
  } catch {
    return null;
  }
}
