/** An article's text, checked by the server before it is saved as a new version, and what it would be cut into. */

import { h, setText } from "../../chat/dom.js";

const segment = encodeURIComponent;

export class TextEditor {
  #rest;
  #saved;
  #article = "";
  #before = "";
  #asked = 0;
  #label = h("span", { class: "field-name" });
  #text = h("textarea", { id: "article-text", class: "input lines", rows: "22", spellcheck: "true", "aria-describedby": "article-hint article-problem" });
  #problem = h("p", { class: "dialog-problem", id: "article-problem", role: "alert" });
  #save = h("button", { type: "submit", class: "primary" }, "Save as a new draft");
  #passages = h("ol", { class: "entries" });
  #cut = h("h3", { class: "panel-title" });

  /** @param {(version: object) => void} saved */
  constructor(rest, saved) {
    this.#rest = rest;
    this.#saved = saved;
    const check = h("button", { type: "button", class: "button", onclick: () => this.#preview() }, "Check");
    this.root = h(
      "form",
      { class: "article-form", "aria-label": "The article's text" },
      this.#cut,
      this.#passages,
      h("label", { class: "field", for: "article-text" }, this.#label, this.#text),
      h("p", { class: "field-hint", id: "article-hint" }, "Markdown below its front matter. Saving changes nothing that is active."),
      this.#problem,
      h("div", { class: "dialog-actions" }, check, this.#save),
    );
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#store();
    });
  }

  get dirty() {
    return !this.root.hidden && this.#text.value !== this.#before;
  }

  /** What was typed needs no keeping any more. */
  forget() {
    this.#before = this.#text.value;
  }

  open(article, source, label) {
    this.root.hidden = false;
    [this.#article, this.#before] = [article, source];
    this.#text.value = source;
    this.#before = this.#text.value; // as the browser ends its lines
    setText(this.#label, label);
    return this.#preview({ quiet: !source.trim() || label === "Text" });
  }

  /** @param {{quiet?: boolean}} how quiet: what is wrong with a text that nobody has written yet is no news */
  async #preview({ quiet = false } = {}) {
    const asked = (this.#asked += 1);
    setText(this.#problem, "");
    try {
      const found = await this.#rest.send("POST", `v1/knowledge/articles/${segment(this.#article)}/preview`, { source: this.#text.value });
      if (asked === this.#asked) this.#show(found);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#show({ passages: [], asks: [], variants: {} });
      setText(this.#problem, quiet ? "" : error.message);
    }
  }

  async #store() {
    this.#save.disabled = true;
    setText(this.#problem, "");
    try {
      const version = await this.#rest.send("PUT", `v1/knowledge/articles/${segment(this.#article)}`, { source: this.#text.value });
      this.forget();
      this.#saved(version);
    } catch (error) {
      setText(this.#problem, error.message);
    } finally {
      this.#save.disabled = false;
    }
  }

  #show({ passages, asks, variants }) {
    const tones = Object.entries(variants);
    this.#cut.hidden = passages.length === 0;
    setText(this.#cut, `${passages.length} ${passages.length === 1 ? "passage" : "passages"}, found by ${asks.length} ${asks.length === 1 ? "question" : "questions"}`);
    this.#passages.replaceChildren(
      ...passages.map(({ passage, heading, text, words }) => entry(heading || "Before the first heading", `${passage}, ${words} words`, text)),
      ...tones.map(([tone, text]) => entry(`Said instead where the tone is ${tone}`, "", text)),
    );
    this.#passages.hidden = passages.length === 0;
    this.#passages.tabIndex = passages.length === 0 ? -1 : 0; // it scrolls
    this.#passages.setAttribute("aria-label", "Passages");
  }
}

function entry(title, about, text) {
  return h(
    "li",
    { class: "entry" },
    h("p", { class: "entry-top" }, h("strong", { dir: "auto" }, title), h("span", { class: "entry-figures" }, about)),
    h("p", { class: "entry-text", dir: "auto" }, text),
  );
}
