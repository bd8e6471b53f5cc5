/** The dialog that looks for conversations by what was written in them. */

import { h, setText } from "../chat/dom.js";
import { dayOf, timeOf } from "../chat/format.js";

const DAY_MS = 86_400_000;
const TYPED_MS = 300;
const PAGE = 20;
const AROUND = 60;

export class Search {
  #parts;
  #api;
  #show;
  #timer = null;
  #asked = 0;
  #next = null;

  /** @param {(channel: string) => void} show open a conversation */
  constructor({ parts, api, show }) {
    this.#parts = parts;
    this.#api = api;
    this.#show = show;
    const form = parts["search-form"];
    form.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), TYPED_MS);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(this.#timer);
      this.#ask();
    });
    parts["search-close"].addEventListener("click", () => parts["search-dialog"].close());
    parts["search-more"].addEventListener("click", () => this.#ask(this.#next));
  }

  /** @param {object} [given] values of fields, e.g. `{customer: "ann"}` */
  open(given = {}) {
    for (const [name, value] of Object.entries(given)) this.#parts[`search-${name}`].value = value;
    if (!this.#parts["search-dialog"].open) this.#parts["search-dialog"].showModal();
    this.#parts["search-text"].focus();
    this.#ask();
  }

  async #ask(before = null) {
    const asked = ++this.#asked;
    const value = (name) => this.#parts[`search-${name}`].value.trim();
    const days = Number(value("days"));
    const text = value("text");
    const query = {
      text,
      state: value("state"),
      customer: value("customer"),
      from_ms: days > 0 ? Date.now() - days * DAY_MS : null,
      before,
      limit: PAGE,
    };
    try {
      const page = await this.#api.get("v1/search", query);
      if (asked === this.#asked) this.#found(page, text, before !== null);
    } catch ({ message }) {
      if (asked === this.#asked) this.#say(message);
    }
  }

  #found({ items, more, next_before: next }, text, onward) {
    const list = this.#parts["search-found"];
    const rows = items.map((item) => h("li", {}, this.#row(item, text)));
    if (onward) list.append(...rows);
    else list.replaceChildren(...rows);
    this.#next = next ?? null;
    this.#parts["search-more"].hidden = !more;
    const count = list.children.length;
    this.#say(count === 0 ? "Nothing was found." : `${count}${more ? " or more" : ""} found`);
  }

  #say(words) {
    setText(this.#parts["search-told"], words);
  }

  #row(found, text) {
    const { channel, customer, message, hits, resolved, state, agent } = found;
    const stands = resolved ? "resolved" : state === "claimed" ? `with ${agent?.name}` : state;
    const note = `${dayOf(message.at_ms)}, ${timeOf(message.at_ms)}, ${stands}${hits > 1 ? `, ${hits} messages` : ""}`;
    const open = () => {
      this.#parts["search-dialog"].close();
      this.#show(channel);
    };
    return h(
      "button",
      { type: "button", class: "row", onclick: open },
      h(
        "span",
        { class: "row-top" },
        h("strong", { dir: "auto" }, customer.name),
        h("span", { class: "row-note" }, note),
      ),
      h("span", { class: "found-text", dir: "auto" }, ...marked(message.text, text)),
    );
  }
}

/** The part of `text` around the first word sought, which is marked. */
export function marked(text, sought) {
  const words = sought.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  if (words.length === 0) return [cut(text, 0)];
  const places = words.map((word) => new RegExp(escaped(word), "iu").exec(text)).filter(Boolean);
  if (places.length === 0) return [cut(text, 0)];
  const { index, 0: hit } = places.sort((one, other) => one.index - other.index)[0];
  const start = Math.max(0, index - AROUND);
  const before = (start > 0 ? "…" : "") + text.slice(start, index);
  return [before, h("mark", {}, hit), cut(text, index + hit.length)];
}

const escaped = (word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
const cut = (text, from) =>
  text.length > from + 2 * AROUND ? `${text.slice(from, from + 2 * AROUND)}…` : text.slice(from);
