/** How a persona looks: a hue, and a mark of five bars made from its name. The same everywhere, for ever. */

import { svg } from "./dom.js";

/** The personas that ship, spread over the wheel. A persona of one's own takes a hue made from its name. */
const KNOWN_HUES = new Map(
  Object.entries({
    warm: 45,
    enthusiastic: 92,
    coach: 138,
    calm: 178,
    concise: 222,
    professional: 262,
    expert: 298,
    playful: 348,
    parlance: 205,
  }),
);
const HUES = 12;
const BARS = 5;

/** FNV-1a, 32 bits, with a final mix so that names of one letter's difference part well. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 15)) >>> 0;
}

/** @returns {number} degrees on the OKLCH colour wheel */
export function hueOf(name) {
  return KNOWN_HUES.get(name) ?? (hash(name) % HUES) * (360 / HUES) + 15;
}

/** @returns {number[]} heights in (0, 1] */
function heightsOf(name) {
  const bits = hash(`${name}.`);
  const heights = Array.from({ length: BARS }, (_, bar) => 0.3 + 0.1 * ((bits >>> (bar * 3)) & 7));
  heights[bits % BARS] = 1;
  return heights;
}

/** Let an element, and all in it, speak with a voice. */
export function speakAs(element, name) {
  element.classList.add("voice");
  element.style.setProperty("--hue", String(hueOf(name)));
}

/** Many voices in one line, for the empty page: a slow swell over all hues. */
export function wave(bars = 44) {
  const rects = Array.from({ length: bars }, (_, bar) => {
    const swell = Math.sin((Math.PI * (bar + 0.5)) / bars);
    const length = 6 + 42 * swell * (0.25 + 0.75 * Math.abs(Math.sin(bar * 0.55) * Math.cos(bar * 0.23 + 0.4)));
    const rect = svg("rect", { x: bar * 8, y: 24 - length / 2, width: 4, height: length, rx: 2 });
    rect.style.setProperty("--hue", String(150 + (bar * 240) / bars));
    return rect;
  });
  return svg("svg", { viewBox: `0 0 ${bars * 8 - 4} 48`, "aria-hidden": "true", focusable: "false" }, ...rects);
}

export function voiceprint(name) {
  const bars = heightsOf(name).map((height, bar) => {
    const length = 24 * height;
    return svg("rect", { x: 1 + bar * 4.75, y: 12 - length / 2, width: 3, height: length, rx: 1.5 });
  });
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, ...bars);
}
