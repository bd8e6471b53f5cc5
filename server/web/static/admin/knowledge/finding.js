/** A question as a customer would put it: what it finds, how surely, and what the bot would do. */

import { h, setText } from "../../chat/dom.js";
import { Panel } from "../panel.js";
import { score } from "../words.js";

const WORDS = {
  answered: "The bot answers with the first.",
  offered: "The bot asks which of the first two is meant.",
  nothing: "The bot has no answer in its articles.",
};

export class FindingPanel {
  #rest;
  #open;
  #panel = new Panel({ key: "finding", title: "What the bot would find", note: "in the active articles, with how likely each is to answer" });
  #question = h("input", { class: "input", type: "search", required: true, maxlength: "4000", autocomplete: "off", placeholder: "do you gift wrap?", "aria-label": "A customer's question" });
  #asked = 0;

  constructor(rest, open) {
    this.#rest = rest;
    this.#open = open;
    const form = h("form", { class: "narrow", "aria-label": "Try a question" }, this.#question, h("button", { type: "submit", class: "primary" }, "Search"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search(this.#question.value.trim());
    });
    this.#panel.root.querySelector(".panel-note").after(form);
    this.#panel.show("empty", "");
  }

  get root() {
    return this.#panel.root;
  }

  async #search(question) {
    if (question === "") return;
    const asked = (this.#asked += 1);
    this.#panel.show("live", "Searching.");
    try {
      const { items, outcome } = await this.#rest.get(`v1/knowledge/search?limit=5&q=${encodeURIComponent(question)}`);
      if (asked !== this.#asked) return;
      this.#panel.body.replaceChildren(h("ol", { class: "entries" }, ...items.map((one) => this.#hit(one))));
      this.#panel.show(items.length === 0 ? "empty" : "live", WORDS[outcome]);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#panel.body.replaceChildren();
      this.#panel.show("failed", error.message);
    }
  }

  #hit({ article, title, category, text, score: sure }) {
    const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
    bar.firstChild.style.width = `${Math.round(sure * 100)}%`;
    const figure = h("span", { class: "entry-figures bar-cell" }, bar, "");
    setText(figure.lastChild, score(sure));
    return h(
      "li",
      { class: "entry" },
      h(
        "p",
        { class: "entry-top" },
        h("button", { type: "button", class: "link-button", dir: "auto", onclick: () => this.#open(article) }, title),
        h("span", {}, category),
        figure,
      ),
      h("p", { class: "entry-text", dir: "auto" }, text),
    );
  }
}
