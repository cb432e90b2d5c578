// @ts-check
// Shows openapi.json. Every text enters the page through textContent.

import { curlOf, fieldsOf, limitsOf, resolved, typeOf } from "./schema.js";

/** @typedef {import("./schema.js").Schema} Schema */

/**
 * An element with text or children.
 * @param {string} tag @param {{class?: string, id?: string, href?: string}} attributes @param {...(string | Node)} content
 */
function element(tag, attributes, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}

/** @param {string} title @param {string[][]} rows @param {string[]} head */
function table(title, rows, head) {
  const body = rows.map(([name, ...cells]) =>
    element("tr", {}, element("td", {}, element("code", {}, name)), ...cells.map((cell) => element("td", {}, cell))),
  );
  const top = element("tr", {}, ...head.map((cell) => element("th", {}, cell)));
  return [
    element("h3", {}, title),
    element("div", { class: "scroll" }, element("table", {}, element("thead", {}, top), element("tbody", {}, ...body))),
  ];
}

/** @param {Schema} schema */
function fieldTable(schema) {
  const rows = fieldsOf(schema).map((field) => [
    field.name,
    typeOf(field.schema) + (field.required ? ", required" : ""),
    limitsOf(field.schema),
    field.schema.description ?? "",
  ]);
  return table("Body", rows, ["field", "type", "limits", "meaning"]);
}

/** @param {Schema} operation */
function parameterTable(operation) {
  const rows = operation.parameters.map((/** @type {Schema} */ param) => [
    param.name,
    `${param.in}${param.required ? ", required" : ""}`,
    typeOf(param.schema),
    param.description ?? "",
  ]);
  return table("Parameters", rows, ["name", "where", "type", "meaning"]);
}

/** @param {Schema} spec @param {string} path @param {string} method @param {Schema} operation */
function routeSection(spec, path, method, operation) {
  const section = element("section", { id: operation.operationId });
  const badge = element("span", { class: "method" }, method.toUpperCase());
  section.append(element("h2", {}, badge, element("code", {}, path)), element("p", {}, operation.summary ?? ""));
  if (operation.description) section.append(element("p", { class: "note" }, operation.description));
  section.append(element("pre", {}, curlOf(base(spec), path, method, operation)));
  if (operation.parameters) section.append(...parameterTable(operation));
  const content = operation.requestBody?.content["application/json"];
  if (content) {
    const schema = resolved(content.schema, spec);
    if (fieldsOf(schema).length) section.append(...fieldTable(schema));
    else section.append(element("p", {}, `Body: ${typeOf(schema)}. ${schema.description ?? ""}`));
  }
  const [[status, good]] = /** @type {[string, Schema][]} */ (Object.entries(operation.responses));
  const media = Object.keys(good.content ?? {}).join(", ");
  section.append(element("p", {}, `Answer: ${status} ${media}. ${good.description}`));
  return section;
}

/** @param {Schema} spec */
function base(spec) {
  return location.origin + spec.servers[0].url.replace(/\/$/, "");
}

/** @param {Schema} spec */
function show(spec) {
  const links = [];
  const sections = [];
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const link = element("a", { href: `#${operation.operationId}` }, `${method.toUpperCase()} ${path}`);
      links.push(element("li", {}, link));
      sections.push(routeSection(spec, path, method, operation));
    }
  }
  slot("title").textContent = `${spec.info.title} ${spec.info.version}`;
  slot("about").textContent = spec.info.description;
  slot("contents").replaceChildren(element("ul", {}, ...links));
  slot("routes").replaceChildren(...sections);
  slot("find").addEventListener("input", () => find(links, sections));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** @param {HTMLElement[]} links @param {HTMLElement[]} sections */
function find(links, sections) {
  const wanted = /** @type {HTMLInputElement} */ (slot("find")).value.trim().toLowerCase();
  sections.forEach((section, i) => {
    section.hidden = !section.textContent?.toLowerCase().includes(wanted);
    links[i].hidden = section.hidden;
  });
}

/** @param {string} id @returns {HTMLElement} */
function slot(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

const answer = await fetch("openapi.json");
if (answer.ok) show(await answer.json());
else slot("routes").textContent = `openapi.json can't be loaded: ${answer.status} ${await answer.text()}`;
