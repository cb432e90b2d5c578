// @ts-check
// A small chart: one line over the last minutes, its newest value in words.

import { element } from "../dom.js";
import { number, say } from "../strings.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 60;
const MINUTES = 3;
const POINTS = 180;

/** @param {{title: string, unit: string, points: number[]}} series one point a second */
export function chart({ title, unit, points }) {
  const now = points.at(-1) ?? 0;
  const words = `${number(now)} ${unit}`.trim();
  return element("figure", { class: "chart" }, element("figcaption", {}, title, element("strong", {}, words)), drawing(points, `${title}: ${words}`), element("small", {}, say("lastMinutes", { n: MINUTES })));
}

/** @param {"polyline" | "polygon"} kind @param {string[]} places */
function shape(kind, places) {
  const made = document.createElementNS(SVG, kind);
  made.setAttribute("points", places.join(" "));
  return made;
}

/** @param {number[]} points @param {string} label */
function drawing(points, label) {
  const most = Math.max(1e-9, ...points);
  const place = (/** @type {number} */ value, /** @type {number} */ i) => {
    const x = WIDTH - ((points.length - 1 - i) * WIDTH) / (POINTS - 1);
    return `${x.toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
  };
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label })) svg.setAttribute(name, value);
  const places = points.map(place);
  const first = places[0]?.split(",")[0];
  if (places.length > 1) svg.append(shape("polygon", [`${first},${HEIGHT}`, ...places, `${WIDTH},${HEIGHT}`]));
  svg.append(shape("polyline", places));
  return svg;
}
