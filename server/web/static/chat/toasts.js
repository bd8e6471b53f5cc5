/** Short notices that come and go, with at most one thing to do. */

import { h } from "./dom.js";

const SHOWN_MS = 7_000;

/** @param {{label: string, run: () => void} | null} action */
export function toast(root, text, action = null) {
  const element = h("div", { class: "toast" }, h("span", {}, text));
  const close = () => element.remove();
  if (action) {
    const act = () => {
      close();
      action.run();
    };
    element.append(h("button", { type: "button", class: "link-button", onclick: act }, action.label));
  }
  let timer = setTimeout(close, SHOWN_MS);
  const hold = () => clearTimeout(timer);
  const release = () => {
    hold();
    timer = setTimeout(close, SHOWN_MS);
  };
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, hold);
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, release);
  root.replaceChildren(element);
}
