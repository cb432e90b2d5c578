// @ts-check
// A small chart: one line over the last minutes, its newest and its greatest value in words.

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
  const inWords = (/** @type {number} */ value) => `${number(value)} ${unit}`.trim();
  return element(
    "figure",
    { class: "chart" },
    element("figcaption", {}, title, element("strong", {}, inWords(now))),
    drawing(points, `${title}: ${inWords(now)}`),
    element("small", { class: "axis" }, element("span", {}, say("lastMinutes", { n: MINUTES })), element("span", {}, say("atMost", { value: inWords(Math.max(0, ...points)) }))),
  );
}

/** @param {string} kind @param {Record<string, string | number>} attributes */
function shape(kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** @param {number[]} points @param {string} label */
function drawing(points, label) {
  const most = Math.max(1e-9, ...points);
  const place = (/** @type {number} */ value, /** @type {number} */ i) => {
    const x = WIDTH - ((points.length - 1 - i) * WIDTH) / (POINTS - 1);
    return `${x.toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
  };
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  for (const y of [1, HEIGHT / 2, HEIGHT - 1]) svg.append(shape("line", { x1: 0, x2: WIDTH, y1: y, y2: y }));
  const places = points.map(place);
  const first = places[0]?.split(",")[0];
  if (places.length > 1) svg.append(shape("polygon", { points: [`${first},${HEIGHT}`, ...places, `${WIDTH},${HEIGHT}`].join(" ") }));
  svg.append(shape("polyline", { points: places.join(" ") }));
  return svg;
}
