// @ts-check
// The settings that go into a request, in the order in which they are shown.

import { givenSettings, preferences } from "./preferences.js";

/**
 * @typedef {object} Field
 * @property {string} name as in the request and in /props @property {string} label
 * @property {"sampling" | "penalties" | "answers"} group @property {string} hint
 * @property {number} [step] @property {number} [min] @property {number} [max]
 */

/** @type {(group: Field["group"]) => (name: string, label: string, hint: string, limits?: Partial<Field>) => Field} */
const within = (group) => (name, label, hint, limits = {}) => ({ name, label, hint, group, ...limits });
const sampling = within("sampling");
const penalties = within("penalties");
const answers = within("answers");

/** @type {Field[]} */
export const FIELDS = [
  answers("max_tokens", "Longest answer", "In tokens; -1: no limit", { step: 1, min: -1 }),
  answers("reasoning_budget_tokens", "Longest thinking", "In tokens; -1: no limit", { step: 1, min: -1 }),
  sampling("temperature", "Temperature", "0 is always the likeliest token; more is freer", { step: 0.05, min: 0 }),
  sampling("top_k", "Top-k", "Only the k likeliest tokens; 0: all", { step: 1, min: 0 }),
  sampling("top_p", "Top-p", "Only the likeliest that make up this share", { step: 0.01, min: 0, max: 1 }),
  sampling("min_p", "Min-p", "Only what is this likely beside the likeliest", { step: 0.01, min: 0, max: 1 }),
  sampling("seed", "Seed", "Equal seed and request, equal answer", { step: 1, min: 0 }),
  sampling("typical_p", "Typical-p", "Only tokens as surprising as usual; 1: off", { step: 0.01, min: 0, max: 1 }),
  sampling("top_n_sigma", "Top-n-sigma", "Within n deviations of the best; -1: off", { step: 0.1, min: -1 }),
  sampling("dynatemp_range", "Temperature range", "How far it moves with the model's certainty", { step: 0.05, min: 0 }),
  sampling("dynatemp_exponent", "Range exponent", "How it moves", { step: 0.05 }),
  sampling("xtc_probability", "XTC probability", "How often the likeliest are left out", { step: 0.01, min: 0, max: 1 }),
  sampling("xtc_threshold", "XTC threshold", "Which are likeliest", { step: 0.01, min: 0, max: 1 }),
  sampling("mirostat", "Mirostat", "0: off, 1, 2", { step: 1, min: 0, max: 2 }),
  sampling("mirostat_tau", "Mirostat tau", "Surprise that is aimed at", { step: 0.1, min: 0 }),
  sampling("mirostat_eta", "Mirostat eta", "How fast it learns", { step: 0.01, min: 0 }),
  sampling("adaptive_target", "Adaptive target", "Probability that is aimed at; -1: off", { step: 0.01, max: 1 }),
  sampling("adaptive_decay", "Adaptive decay", "How long the past counts", { step: 0.01, min: 0, max: 0.99 }),
  sampling("min_keep", "Keep at least", "Tokens that always stay", { step: 1, min: 0 }),
  sampling("samplers", "Order", "Samplers, parted by semicolons"),
  penalties("repeat_penalty", "Repeat penalty", "1: off", { step: 0.05, min: 0 }),
  penalties("repeat_last_n", "Repeat window", "Tokens; 0: off, -1: all", { step: 1, min: -1 }),
  penalties("presence_penalty", "Presence penalty", "For what was said at all", { step: 0.05 }),
  penalties("frequency_penalty", "Frequency penalty", "For each time it was said", { step: 0.05 }),
  penalties("dry_multiplier", "DRY multiplier", "0: off", { step: 0.05, min: 0 }),
  penalties("dry_base", "DRY base", "Growth with length", { step: 0.05, min: 1 }),
  penalties("dry_allowed_length", "DRY length", "What may be repeated", { step: 1, min: 0 }),
  penalties("dry_penalty_last_n", "DRY window", "Tokens; -1: all", { step: 1, min: -1 }),
];

const RANDOM_SEED = 0xffffffff;

const NAMES = new Set(FIELDS.map((field) => field.name));

/** What /props says of a field, as a person would write it. @param {any} params @param {Field} field */
export function defaultOf(params, field) {
  const value = params?.[field.name];
  if (Array.isArray(value)) return value.join(";");
  if (field.name === "seed" && value === RANDOM_SEED) return "random";
  if (Number.isInteger(value)) return String(value);
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : "";
}

/** What holds for a chat: the server's, then the user's, then its own. @param {{settings: Record<string, any>, system: string | null}} [chat] */
export function effective(chat) {
  const { system = "", ...settings } = { ...givenSettings(), ...preferences.settings, ...(chat?.settings ?? {}) };
  return { system: String(chat?.system ?? system), settings };
}

/** The part of a request that settings make. @param {Record<string, any>} settings */
export function requestSettings(settings) {
  /** @type {Record<string, any>} */
  const body = {};
  for (const [name, value] of Object.entries(settings)) {
    if (NAMES.has(name) && value !== "" && value != null) body[name] = valueOf(name, value);
  }
  if (settings.json_schema) {
    body.response_format = { type: "json_schema", json_schema: { name: "answer", schema: JSON.parse(settings.json_schema) } };
  }
  if (settings.tools) body.tools = JSON.parse(settings.tools);
  return body;
}

/** @param {string} name @param {any} value */
function valueOf(name, value) {
  if (name === "samplers") return String(value).split(";").map((part) => part.trim()).filter(Boolean);
  return Number(value);
}
