// @ts-check
// JSON Schemas in words: pure functions, no document.

/** @typedef {Record<string, any>} Schema */

/**
 * The schema that a reference names, or the schema itself.
 * @param {Schema} schema @param {Schema} spec @returns {Schema}
 */
export function resolved(schema, spec) {
  if (!schema.$ref) return schema;
  const keys = schema.$ref.replace(/^#\//, "").split("/");
  return keys.reduce((/** @type {any} */ place, key) => place[key], spec);
}

/**
 * A type in a few words: "array of string or integer".
 * @param {Schema} schema @returns {string}
 */
export function typeOf(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((/** @type {any} */ value) => JSON.stringify(value)).join(" or ");
  const forms = schema.anyOf || schema.oneOf;
  if (forms) return shownKinds(forms.map(typeOf)).join(" or ");
  const kinds = shownKinds([schema.type ?? "anything"].flat());
  return kinds.map((kind) => (kind === "array" && schema.items ? `array of ${typeOf(schema.items)}` : kind)).join(" or ");
}

/**
 * Each kind once, and without null, which every field takes that is not required.
 * @param {string[]} kinds @returns {string[]}
 */
function shownKinds(kinds) {
  const others = [...new Set(kinds)].filter((kind) => kind !== "null");
  return others.length ? others : ["null"];
}

/**
 * Limits in a few words; nothing where a type's own limits are all there is.
 * @param {Schema} schema @returns {string}
 */
export function limitsOf(schema) {
  const { minimum: low, maximum: high } = schema;
  const hasLow = low !== undefined && Math.abs(low) < 2 ** 31 - 1;
  const hasHigh = high !== undefined && Math.abs(high) < 2 ** 31 - 1;
  if (hasLow && hasHigh) return `${low} to ${high}`;
  if (hasLow) return `at least ${low}`;
  return hasHigh ? `at most ${high}` : "";
}

/**
 * The fields of an object, those of objects in it under dotted names.
 * @param {Schema} schema @param {string} prefix @returns {{name: string, schema: Schema, required: boolean}[]}
 */
export function fieldsOf(schema, prefix = "") {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    { name: prefix + name, schema: field, required: required.has(name) },
    ...fieldsOf(field, `${prefix}${name}.`),
    ...fieldsOf(field.items ?? {}, `${prefix}${name}[].`),
  ]);
}

/**
 * A command that asks an operation of the server at a base address.
 * @param {string} base @param {string} path @param {string} method @param {Schema} operation @returns {string}
 */
export function curlOf(base, path, method, operation) {
  const params = operation.parameters ?? [];
  const filled = path.replace(/\{(\w+)\}/g, "0");
  const query = params
    .filter((/** @type {Schema} */ param) => param.in === "query" && param.required)
    .map((/** @type {Schema} */ param) => `${param.name}=${param.schema.enum?.[0] ?? "..."}`);
  const address = quoted(base + filled + (query.length ? `?${query.join("&")}` : ""));
  const content = operation.requestBody?.content ?? {};
  const example = content["application/json"]?.example;
  const verb = method === "get" || example !== undefined ? "" : `-X ${method.toUpperCase()} `;
  if (example === undefined) return `curl ${verb}${address}`;
  return `curl ${address} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(example))}`;
}

/** @param {string} text @returns {string} */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
