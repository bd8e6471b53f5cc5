/** One panel of the page: a title, what can be taken from it, how fresh it is, and its body. */

import { h, setText } from "../chat/dom.js";

export class Panel {
  #state;
  #actions;

  /** @param {{key: string, title: string, note: string}} what */
  constructor({ key, title, note }) {
    const id = `panel-${key}`;
    this.body = h("div", { class: "panel-body" });
    this.#state = h("p", { class: "panel-state", role: "status" });
    this.#actions = h("div", { class: "panel-actions" });
    this.root = h(
      "section",
      { class: `panel panel-${key}`, "aria-labelledby": id },
      h("header", { class: "panel-top" }, h("h2", { class: "panel-title", id }, title), this.#actions),
      h("p", { class: "panel-note" }, note),
      this.#state,
      this.body,
    );
  }

  /** @param {string} label what the button says; @param {string} name what it does, in full */
  action(label, name, run) {
    this.#actions.append(h("button", { type: "button", class: "small", "aria-label": name, onclick: run }, label));
  }

  /**
   * How much what is seen can be believed.
   * @param {"live" | "stale" | "empty" | "failed"} state
   * @param {string} sentence "" where there is nothing to say
   */
  show(state, sentence = "") {
    this.root.dataset.state = state;
    setText(this.#state, sentence);
    this.#state.hidden = sentence === "";
  }
}
