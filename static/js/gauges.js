// @ts-check
// Counters of /metrics -> rates over the last minutes. Pure but for what it remembers.

import { say } from "./strings.js";

const KEPT = 180;

/** @param {string} text Prometheus's text form @returns {Map<string, number>} */
export function readMetrics(text) {
  const values = new Map();
  for (const line of text.split("\n")) {
    const found = /^([\w:]+) ([\d.eE+-]+)$/.exec(line);
    if (found) values.set(found[1], Number(found[2]));
  }
  return values;
}

export class Gauges {
  /** @type {{at: number, values: Map<string, number>} | null} */ #before = null;
  series = [
    { title: say("throughput"), unit: "tok/s", points: /** @type {number[]} */ ([]) },
    { title: say("promptThroughput"), unit: "tok/s", points: /** @type {number[]} */ ([]) },
    { title: say("latency"), unit: "ms", points: /** @type {number[]} */ ([]) },
    { title: say("busySlots"), unit: "", points: /** @type {number[]} */ ([]) },
  ];

  /** @param {string} text @param {number} at ms */
  take(text, at) {
    const values = readMetrics(text);
    const before = this.#before;
    this.#before = { at, values };
    if (!before || at <= before.at) return;
    const grown = (/** @type {string} */ name) => Math.max(0, (values.get(name) ?? 0) - (before.values.get(name) ?? 0));
    const seconds = (at - before.at) / 1000;
    const waits = grown("llamactl_time_to_first_token_seconds_count");
    const latency = this.series[2].points;
    const waitMs = waits ? (1000 * grown("llamactl_time_to_first_token_seconds_sum")) / waits : (latency.at(-1) ?? 0);
    const now = [
      grown("llamacpp:tokens_predicted_total") / seconds,
      grown("llamacpp:prompt_tokens_total") / seconds,
      waitMs,
      values.get("llamacpp:requests_processing") ?? 0,
    ];
    this.series.forEach(({ points }, i) => {
      points.push(now[i]);
      if (points.length > KEPT) points.shift();
    });
  }
}
