// @ts-check
// Sets of settings under a name: choose one, save one, delete one.

import { element, textButton } from "../dom.js";
import { preferences } from "../preferences.js";
import { say } from "../strings.js";
import { word } from "./ask.js";

/** @param {() => Record<string, any>} values those that hold now @param {(values: Record<string, any>) => void} take */
export function presetRow(values, take) {
  const presets = preferences.presets;
  const select = element("select", { "aria-label": say("presets") }, element("option", { value: "" }, say("presetNone")), ...Object.keys(presets).map((name) => element("option", {}, name)));
  select.addEventListener("change", () => select.value && take({ ...presets[select.value] }));
  const save = async () => {
    const name = await word(say("presetName"), say("saveOnly"));
    if (name) preferences.presets = { ...presets, [name]: values() };
    take(values());
  };
  const remove = () => {
    const { [select.value]: _gone, ...rest } = presets;
    preferences.presets = rest;
    take(values());
  };
  return element("div", { class: "buttons" }, select, textButton(say("presetSave"), save), textButton(say("presetRemove"), remove));
}
