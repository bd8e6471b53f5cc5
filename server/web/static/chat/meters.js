/** Small bars and facts. Each bar is a `meter` for assistive technology too. */

import { h } from "./dom.js";
import { percent, signed } from "./format.js";

/** @param {number} value in [0, 1] */
export function meter(label, value, { text = percent(value), hue = null, title = null } = {}) {
  return bar({ label, value, min: 0, text, start: 0, width: clamp(value), hue, title });
}

/** @param {number} value in [-1, 1]; grows from the middle */
export function meterBoth(label, value, { text = signed(value), hue = null } = {}) {
  const half = clamp(Math.abs(value)) / 2;
  const element = bar({ label, value, min: -1, text, start: value < 0 ? 0.5 - half : 0.5, width: half, hue });
  element.classList.add("meter-both");
  return element;
}

function bar({ label, value, min, text, start, width, hue, title = null }) {
  const fill = h("span", { class: "meter-fill" });
  fill.style.setProperty("inset-inline-start", `${start * 100}%`);
  fill.style.setProperty("width", `${width * 100}%`);
  const element = h(
    "div",
    {
      class: "meter voice",
      role: "meter",
      title,
      "aria-label": label,
      "aria-valuemin": min,
      "aria-valuemax": 1,
      "aria-valuenow": Number(value.toFixed(4)),
      "aria-valuetext": text,
    },
    h("span", {}, label),
    h("span", { class: "meter-value" }, text),
    h("span", { class: "meter-track" }, fill),
  );
  if (hue !== null) element.style.setProperty("--hue", String(hue));
  return element;
}

const clamp = (value) => Math.min(1, Math.max(0, value));

/** @param {Array<[string, string | Node]>} rows those without a value are left out */
export function facts(rows) {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
