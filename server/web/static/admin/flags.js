/** What is turned while the server runs, in place of its settings. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { button } from "./alerts.js";
import { actionsOf, mark, TablePanel } from "./tables.js";
import { clockOf } from "./words.js";

const shown = (value) => (typeof value === "boolean" ? (value ? "on" : "off") : value === "" ? "none" : inWords(value));

export function flagsPanel(actions) {
  return new TablePanel({
    key: "flags",
    title: "Switches",
    note: "in place of the settings, on every worker, from the next answer on and over restarts",
    nothing: "There is nothing to turn.",
    rows: ({ items }) => [h("ul", { class: "entries" }, ...items.map((one) => entry(one, actions)))],
  });
}

function entry(one, actions) {
  const { flag, meaning, value, set_by: by, set_at_ms: atMs } = one;
  const words = inWords(flag);
  return h(
    "li",
    { class: "entry" },
    h(
      "p",
      { class: "entry-top" },
      h("strong", {}, words),
      mark(shown(value), value === true ? "good" : ""),
      by === undefined ? null : h("span", { class: "entry-figures" }, `by ${by}, ${clockOf(atMs)}`),
    ),
    h("p", { class: "entry-note" }, meaning),
    actionsOf(
      button(typeof value === "boolean" ? `Turn ${shown(!value)}` : "Change", `Change ${words}`, () => actions.change(one)),
      by === undefined ? null : button("As the settings say", `Let the settings decide on ${words}`, () => actions.reset(one)),
    ),
  );
}

/** What the panel's buttons do, over REST. */
export class FlagActions {
  #doing;
  #rest;

  /** @param {import("./doing.js").Doing} doing */
  constructor(doing) {
    this.#doing = doing;
    this.#rest = doing.rest;
  }

  change(one) {
    const { flag, meaning, value, options } = one;
    const isSwitch = typeof value === "boolean";
    const field = options === undefined ? { maxlength: 200 } : { options: options.map((name) => ({ value: name, label: inWords(name) })) };
    return this.#set(one, {
      title: isSwitch ? `Turn ${shown(!value)}: ${inWords(flag)}?` : inWords(flag),
      text: meaning,
      fields: isSwitch ? [] : [{ name: "value", label: "What shall hold", value, ...field }],
      button: isSwitch ? `Turn ${shown(!value)}` : "Save",
      next: (values) => (isSwitch ? !value : values.value),
    });
  }

  reset(one) {
    return this.#set(one, {
      title: `Let the settings decide on ${inWords(one.flag)}?`,
      text: `They say: ${shown(one.default)}.`,
      button: "Let them",
      next: () => null,
    });
  }

  #set({ flag, value, set_by: by }, { next, ...question }) {
    const path = `v1/flags/${encodeURIComponent(flag)}`;
    const put = (given) => (given === null ? this.#rest.send("DELETE", path) : this.#rest.send("PUT", path, { value: given }));
    return this.#doing.do({
      source: "flags",
      ...question,
      blame: () => "value",
      said: (_, { value: now }) => `${inWords(flag)}: ${shown(now)}.`,
      run: (values) => put(next(values)),
      undo: () => put(by === undefined ? null : value),
    });
  }
}
