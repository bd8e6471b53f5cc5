/** Suggested answers above the box: the writer's, articles', saved replies. A click puts one into the draft. */

import { h, setText } from "../chat/dom.js";
import { percent } from "../admin/words.js";
import { conversationPath } from "./api.js";
import { filled } from "./canned.js";

const SAVED = 2;
const SHOWN = 400;

export class Suggesting {
  #parts;
  #desk;
  #api;
  #canned;
  #take;
  #open = false;
  #asked = 0;
  #for = "";
  #items = [];

  /**
   * @param {import("./canned.js").Canned} canned
   * @param {(text: string) => void} take put it into the draft
   */
  constructor({ parts, desk, api, canned, take }) {
    this.#parts = parts;
    this.#desk = desk;
    this.#api = api;
    this.#canned = canned;
    this.#take = take;
    parts["suggest-go"].addEventListener("click", () => this.toggle());
    parts["suggest-again"].addEventListener("click", () => this.#ask());
    parts["suggest-persona"].addEventListener("change", () => this.#ask());
  }

  toggle() {
    this.#open = !this.#open;
    this.#for = "";
    this.#parts["suggest-go"].setAttribute("aria-expanded", String(this.#open));
    if (this.#open) this.#loadPersonas();
    this.draw();
  }

  /** Another message of the customer, or another conversation, asks for other words. */
  draw() {
    const { current } = this.#desk;
    const shown = this.#open && this.#desk.holds(current);
    this.#parts.suggest.hidden = !shown;
    if (!shown) return;
    const asked = `${current.channel} ${current.lastCustomerMessage?.message_id}`;
    if (asked === this.#for) return;
    this.#for = asked;
    this.#ask();
  }

  /** @param {number} place from 1 @returns {boolean} whether there is one */
  pick(place) {
    const item = this.#parts.suggest.hidden ? undefined : this.#items[place - 1];
    if (item === undefined) return false;
    this.#take(item.text);
    return true;
  }

  async #loadPersonas() {
    const select = this.#parts["suggest-persona"];
    if (select.options.length > 1) return;
    const { items } = await this.#api.get("v1/personas").catch(() => ({ items: [] })); // then in the bot's manner
    select.append(...items.map(({ name, title }) => h("option", { value: name }, title)));
  }

  async #ask() {
    const { current } = this.#desk;
    const asked = ++this.#asked;
    this.#say("Looking …");
    const saved = this.#saved(current);
    try {
      const persona = this.#parts["suggest-persona"].value;
      const { items } = await this.#api.get(conversationPath(current.channel, "suggestions"), { persona });
      if (asked === this.#asked) this.#show([...items, ...saved], "Nothing to suggest: the customer has not written.");
    } catch ({ message }) {
      if (asked === this.#asked) this.#show(saved, message);
    }
  }

  #saved(thread) {
    const found = this.#canned.related(thread.lastCustomerMessage?.text ?? "", SAVED);
    return found.map(([name, text]) => ({ kind: "saved", title: `/${name}`, text: filled(text, thread.customer) }));
  }

  #show(items, nothing) {
    this.#items = items;
    this.#say(items.length === 0 ? nothing : "");
    this.#parts["suggest-list"].replaceChildren(...items.map((item, index) => h("li", {}, this.#row(item, index + 1))));
  }

  #say(text) {
    setText(this.#parts["suggest-told"], text);
  }

  #row(item, place) {
    const text = item.text.length > SHOWN ? `${item.text.slice(0, SHOWN)}…` : item.text;
    const use = h(
      "button",
      { type: "button", class: "suggestion", onclick: () => this.#take(item.text) },
      h("span", { class: "suggestion-from" }, h("kbd", {}, `Alt ${place}`), ` ${originOf(item)}`),
      h("span", { class: "suggestion-text", dir: "auto" }, text),
    );
    if (item.kind !== "article") return use;
    const read = () => this.#read(item);
    return h(
      "div",
      { class: "suggestion-row" },
      use,
      h("button", { type: "button", class: "link-button", onclick: read, "aria-label": `Read ${item.title}` }, "Read"),
    );
  }

  async #read({ link, title }) {
    setText(this.#parts["article-title"], title);
    setText(this.#parts["article-text"], "Loading …");
    this.#parts["article-dialog"].showModal();
    try {
      const { source } = await this.#api.get(link.replace(/^\//, ""));
      setText(this.#parts["article-text"], source.replace(/^---\n[\s\S]*?\n---\n/, "").trim());
    } catch ({ message }) {
      setText(this.#parts["article-text"], message);
    }
  }
}

function originOf({ kind, persona, title, confidence }) {
  if (kind === "written") return `Written, ${persona}`;
  return kind === "article" ? `${title}, ${percent(confidence)} sure` : `Saved reply ${title}`;
}
