/** The panel of all articles: narrowed by words, state and category, each with how it did. */

import { h } from "../../chat/dom.js";
import { inWords, languageName } from "../../chat/format.js";
import { mark, table, TablePanel } from "../tables.js";
import { NOTHING, whole } from "../words.js";
import { chosen, isExpired, lastDay } from "./shelf.js";

const day = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeZone: "UTC" });
const COLUMNS = ["Article", "State", "Category", "Language", "Owner", "Expires", "Shown", "Solved", "Up", "Down", "Hand-offs"];
const BEGIN = "There is no article yet. Write one here, or let a folder be read: parlance kb import FOLDER. The demo shop's come with parlance serve --demo.";
const STATES = [["", "Any state"], ...["draft", "approved", "active", "retired", "expired"].map((one) => [one, inWords(one)])];
const ORDERS = [["title", "By title"], ["shown", "Shown most"], ["handoffs", "Most hand-offs"], ["changed", "Changed last"]];

export class ArticlesPanel {
  #panel;
  #open;
  #value = null;
  #freshness = { state: "stale", sentence: "" };
  #categories = "";
  #text = h("input", { class: "input", type: "search", placeholder: "Title, tag, owner", "aria-label": "Narrow by words" });
  #state = select("Narrow by state", STATES);
  #category = select("Narrow by category", [["", "Any category"]]);
  #order = select("Order", ORDERS);
  #more;

  /** @param {(article: string) => void} open @param {() => void} begin @param {() => void} more */
  constructor(open, begin, more) {
    this.#open = open;
    this.#panel = new TablePanel({
      key: "articles",
      title: "Articles",
      note: "what the bot answers from; figures of the last 30 days, all versions of an article together",
      nothing: "There is no such article.",
      rows: ({ items, none }) => (none ? [h("p", { class: "panel-note" }, BEGIN)] : this.#rows(items)),
    });
    this.#panel.action("New article", "Write a new article", begin);
    this.#more = h("button", { type: "button", class: "button", onclick: more }, "Show more articles");
    const narrow = h("div", { class: "narrow", role: "group", "aria-label": "Narrow the articles" }, this.#text, this.#state, this.#category, this.#order);
    this.#panel.root.querySelector(".panel-note").after(narrow);
    this.#panel.root.append(this.#more);
    for (const control of [this.#text, this.#state, this.#category, this.#order]) control.addEventListener("input", () => this.#redraw());
  }

  get root() {
    return this.#panel.root;
  }

  draw(value, freshness) {
    [this.#value, this.#freshness] = [value, freshness];
    this.#redraw();
  }

  #redraw() {
    const value = this.#value;
    this.#more.hidden = !value?.more;
    if (value === null) return this.#panel.draw(null, this.#freshness);
    this.#fillCategories(value.items);
    const wanted = { text: this.#text.value, state: this.#state.value, category: this.#category.value, order: this.#order.value };
    const none = value.items.length === 0;
    return this.#panel.draw({ items: chosen(value.items, wanted, Date.now()), none }, this.#freshness);
  }

  #fillCategories(items) {
    const names = [...new Set(items.map(({ category }) => category))].sort();
    if (names.join() === this.#categories) return;
    this.#categories = names.join();
    const before = this.#category.value;
    this.#category.replaceChildren(...[["", "Any category"], ...names.map((name) => [name, name])].map(option));
    this.#category.value = names.includes(before) ? before : "";
  }

  #rows(items) {
    const rows = items.map((one) => {
      const { did } = one;
      const title = h("button", { type: "button", class: "link-button", lang: one.language, dir: "auto", onclick: () => this.#open(one.article) }, one.title);
      const until = lastDay(one);
      return [
        title,
        h("span", { class: "marks" }, ...statesOf(one)),
        one.category,
        languageName(one.language),
        one.owner || NOTHING,
        until === null ? NOTHING : day.format(until),
        ...["shown", "solved", "thumbs_up", "thumbs_down", "handoffs"].map((name) => (did === null ? NOTHING : whole(did[name]))),
      ];
    });
    return [table(COLUMNS, rows)];
  }
}

/** "active 2" beside "draft 3", where both are there. */
export function statesOf(one) {
  const found = [];
  if (one.active !== null) found.push(mark(`active ${one.active}`, "good"));
  if (one.state !== "active") found.push(mark(`${one.state} ${one.version}`));
  if (isExpired(one, Date.now())) found.push(mark("expired", "bad"));
  return found;
}

export function select(label, options) {
  return h("select", { class: "input", "aria-label": label }, ...options.map(option));
}

const option = ([value, label]) => h("option", { value }, label);
