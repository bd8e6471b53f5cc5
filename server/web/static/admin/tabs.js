/** The page's rooms, one at a time: what can't be seen is neither drawn nor asked for. */

import { h, setText } from "../chat/dom.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class Tabs {
  #tabs;
  #rooms;
  #kept;
  #shown;
  #onShow;

  /**
   * @param {{list: HTMLElement, rooms: HTMLElement}} roots
   * @param {{key: string, title: string, panels: {root: HTMLElement}[]}[]} what
   * @param {import("../parlance/kept.js").Kept} kept remembers which one was seen, within the tab of the browser
   */
  constructor({ list, rooms }, what, kept, onShow) {
    this.#kept = kept;
    this.#onShow = onShow;
    this.#tabs = new Map(what.map((one) => [one.key, this.#tab(one)]));
    this.#rooms = new Map(what.map((one) => [one.key, room(one)]));
    list.append(...this.#tabs.values());
    list.addEventListener("keydown", (event) => this.#step(event));
    rooms.append(...this.#rooms.values());
    const before = kept.get("parlance.admin.tab");
    this.show(this.#tabs.has(before) ? before : what[0].key);
  }

  get shown() {
    return this.#shown;
  }

  show(key) {
    this.#shown = key;
    this.#kept.set("parlance.admin.tab", key);
    for (const [name, tab] of this.#tabs) {
      tab.setAttribute("aria-selected", String(name === key));
      tab.tabIndex = name === key ? 0 : -1;
      this.#rooms.get(name).hidden = name !== key;
    }
    this.#onShow(key);
  }

  /** How much there is to see behind a tab; 0 is not shown. */
  count(key, number) {
    setText(this.#tabs.get(key).lastChild, number === 0 ? "" : String(number));
  }

  #tab({ key, title }) {
    const attributes = { type: "button", role: "tab", id: `tab-${key}`, class: "tab", "aria-controls": `room-${key}` };
    return h("button", { ...attributes, onclick: () => this.show(key) }, title, h("span", { class: "tab-count" }));
  }

  #step(event) {
    const keys = [...this.#tabs.keys()];
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = keys.at((keys.indexOf(this.#shown) + step) % keys.length);
    this.show(next);
    this.#tabs.get(next).focus();
  }
}

function room({ key, panels }) {
  const attributes = { class: `panels room-${key}`, id: `room-${key}`, role: "tabpanel", "aria-labelledby": `tab-${key}`, tabindex: "-1" };
  return h("div", attributes, ...panels.map(({ root }) => root));
}
