// @ts-check
// Files -> attachments: text as it is, the text of PDF files, pictures and sounds where the model takes them.

import { say } from "./strings.js";

/** @typedef {import("./store/history.js").Attachment} Attachment */

const MAX_MB = 20;
/** Pasted texts from this length on become files. */
export const LONG_PASTE_CHARS = 2500;
const PDF_PAGES = 500;

/** A file that is not attached, and the sentence that says why. */
export class NotAttached extends Error {}

/**
 * NotAttached.
 * @param {File} file @param {import("./server.js").Server} server @returns {Promise<Attachment>}
 */
export async function attachmentOf(file, server) {
  const { name } = file;
  if (file.size > MAX_MB * 1e6) throw new NotAttached(say("tooLarge", { name, limit: MAX_MB }));
  if (file.type.startsWith("image/") && file.type !== "image/svg+xml") return media("image", file, server);
  if (file.type.startsWith("audio/")) return media("audio", file, server);
  if (file.type === "application/pdf" || /\.pdf$/i.test(name)) return { kind: "text", name, data: await pdfText(file) };
  return { kind: "text", name, data: await plainText(file) };
}

/** @param {"image" | "audio"} kind @param {File} file @param {import("./server.js").Server} server @returns {Promise<Attachment>} */
async function media(kind, file, server) {
  if (!server.takes(kind)) throw new NotAttached(say(kind === "image" ? "noImages" : "noAudio", { name: file.name }));
  return { kind, name: file.name, data: await dataUrl(file) };
}

/** @param {File} file @returns {Promise<string>} */
function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new NotAttached(say("notReadable", { name: file.name })));
    reader.readAsDataURL(file);
  });
}

/** @param {File} file */
async function plainText(file) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (!text.includes("\0")) return text;
  } catch {
    // no UTF-8
  }
  throw new NotAttached(say("notReadable", { name: file.name }));
}

/** @param {File} file */
async function pdfText(file) {
  let library;
  try {
    library = await import(/** @type {any} */ ("../lib/pdf.js"));
  } catch {
    throw new NotAttached(say("noPdf", { name: file.name }));
  }
  library.GlobalWorkerOptions.workerPort ??= new Worker(workerUrl(), { type: "module" });
  try {
    const task = library.getDocument({ data: await file.arrayBuffer(), isEvalSupported: false, useWasm: false });
    return await textOf(await task.promise);
  } catch (error) {
    throw new NotAttached(say("pdfFailed", { name: file.name, reason: /** @type {Error} */ (error).message }));
  }
}

/** @param {any} pdf */
async function textOf(pdf) {
  const pages = [];
  for (let i = 1; i <= Math.min(pdf.numPages, PDF_PAGES); i++) {
    const { items } = await (await pdf.getPage(i)).getTextContent();
    pages.push(items.map((/** @type {any} */ item) => item.str + (item.hasEOL ? "\n" : "")).join(""));
  }
  return pages.join("\n\n");
}

/** The policy of the page lets workers start only from addresses that are vouched for. */
function workerUrl() {
  const url = new URL("../lib/pdf.worker.js", import.meta.url).href;
  const factory = /** @type {any} */ (window).trustedTypes;
  if (!factory) return url;
  const policy = factory.createPolicy("llamactl-worker", { createScriptURL: () => url });
  return policy.createScriptURL("");
}
