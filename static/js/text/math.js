// @ts-check
// Formulas: $…$, $$…$$, \(…\) and \[…\] are found while Markdown is read, and drawn once their library is there.

/** @type {Promise<any> | undefined} */ let library;

/** @param {string} name @param {"inline" | "block"} level @param {RegExp} form @param {RegExp} begin */
function extension(name, level, form, begin) {
  return {
    name,
    level,
    start: (/** @type {string} */ source) => begin.exec(source)?.index,
    tokenizer(/** @type {string} */ source) {
      const found = form.exec(source);
      if (!found) return undefined;
      return { type: name, raw: found[0], text: found[1] ?? found[2] ?? "", isDisplay: level === "block" || /^(\$\$|\\\[)/.test(found[0]) };
    },
    renderer(/** @type {any} */ token) {
      const text = token.text.trim().replace(/[&<>"']/g, (/** @type {string} */ mark) => `&#${mark.charCodeAt(0)};`);
      return token.isDisplay && level === "block" ? `<div class="math display">${text}</div>` : `<span class="math">${text}</span>`;
    },
  };
}

export const mathExtensions = [
  extension("mathBlock", "block", /^ {0,3}(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\]) *(?:\n|$)/, /\n {0,3}(?:\$\$|\\\[)/),
  extension("mathInline", "inline", /^(?:\$\$([^$\n]+?)\$\$|\\\((.+?)\\\)|\\\[(.+?)\\\])/, /\$\$|\\\(|\\\[/),
  // a lone dollar is money unless it clings to what it encloses
  extension("mathDollar", "inline", /^\$((?![\s$])(?:\\\$|[^$\n])*?(?<![\s\\]))\$(?![\d$])/, /\$(?![\s$])/),
];

/** Draw the formulas below an element. The one that is looked through is handed to `check`. @param {ParentNode} root @param {(drawn: Element) => void} check */
export async function drawMath(root, check) {
  const places = [...root.querySelectorAll(".math:not(.drawn)")];
  if (!places.length) return;
  library ??= load();
  const temml = await library;
  if (!temml) return;
  for (const place of places) {
    const holder = document.createElement("span");
    try {
      temml.render(place.textContent, holder, { displayMode: place.classList.contains("display"), trust: false, throwOnError: true, maxExpand: 200, maxSize: [20, 20] });
    } catch {
      continue; // what is no formula stays as it was written
    }
    check(holder);
    place.classList.add("drawn");
    place.replaceChildren(...holder.childNodes);
  }
}

async function load() {
  try {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "lib/temml.css";
    document.head.append(style);
    return (await import(/** @type {any} */ ("../../lib/temml.js"))).default;
  } catch {
    return null;
  }
}
