// @ts-check
// Elements out of data. Text becomes text nodes; nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: attributes, `on<Event>` listeners and properties that begin with a dot; children, texts among them.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2).toLowerCase(), value);
    else if (name.startsWith(".")) /** @type {any} */ (made)[name.slice(1)] = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, String(value));
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child != null && child !== false)));
  return made;
}

/** A drawing of index.html's sheet. @param {string} name */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

/** A button that shows only a drawing. @param {string} name @param {string} label @param {(event: Event) => void} act */
export function iconButton(name, label, act, attributes = {}) {
  return element("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onClick: act, ...attributes }, icon(name));
}

/** A button with a drawing before its words. @param {string} name @param {string} label @param {(event: Event) => void} act */
export function labelledButton(name, label, act, attributes = {}) {
  return element("button", { type: "button", onClick: act, ...attributes }, icon(name), label);
}

/** A button with words. @param {string} label @param {(event: Event) => void} act */
export function textButton(label, act, attributes = {}) {
  return element("button", { type: "button", class: "button", onClick: act, ...attributes }, label);
}

/** @param {Element} parent @param {...(Node | string | null | undefined | false)} children */
export function replaceChildren(parent, ...children) {
  parent.replaceChildren(.../** @type {(Node | string)[]} */ (children.filter((child) => child != null && child !== false)));
}

/** The same drawing in one place: at most once a frame. @param {() => void} work */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      work();
    };
    // pages in the background have no frames
    if (document.hidden) setTimeout(run, 100);
    else requestAnimationFrame(run);
  };
}

/** Work that is asked for more often than anybody can see it done. No frame is made where it changes nothing. @param {number} pauseMs @param {() => void} work */
export function nowAndThen(pauseMs, work) {
  /** @type {number | undefined} */ let timer;
  let doneAt = -Infinity;
  const run = () => {
    timer = undefined;
    doneAt = performance.now();
    work();
  };
  return () => {
    timer ??= setTimeout(run, doneAt + pauseMs - performance.now());
  };
}

/** Writes a file for the user to keep. @param {string} name @param {string} text */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
