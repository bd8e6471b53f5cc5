/** What stands beside a conversation in tabs: mood (drawn by the view), the customer with their past, agents' notes. */

import { h, setText } from "../chat/dom.js";
import { dayOf, inWords, timeOf } from "../chat/format.js";
import { toast } from "../chat/toasts.js";
import { score } from "../admin/words.js";
import { conversationPath } from "./api.js";

const TABS = ["mood", "customer", "notes"];
const STARS = 5;

export class Beside {
  #parts;
  #desk;
  #api;
  #notes;
  #show;
  #profiles = new Map();
  #drawn = { customer: "", notes: "" };
  #tab = "mood";
  #noteKey = null;

  /**
   * @param {import("./notes.js").Notes} notes
   * @param {(channel: string) => void} show open a conversation
   */
  constructor({ parts, desk, api, notes, show }) {
    this.#parts = parts;
    this.#desk = desk;
    this.#api = api;
    this.#notes = notes;
    this.#show = show;
    for (const name of TABS) parts[`tab-${name}`].addEventListener("click", () => this.open(name));
    parts.tabs.addEventListener("keydown", (event) => this.#key(event));
    parts["note-form"].addEventListener("submit", (event) => this.#add(event));
    parts["note-text"].addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#add(event);
    });
    parts["note-text"].addEventListener("input", () => (this.#noteKey = null));
  }

  /** Show a tab; the panel is open then. */
  open(name) {
    this.#tab = name;
    if (name === "customer") this.#profiles.clear(); // a rating may have come
    for (const other of TABS) {
      const selected = other === name;
      const tab = this.#parts[`tab-${other}`];
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      this.#parts[other].hidden = !selected;
    }
    this.draw();
  }

  /** Write a note: the tab and its box. */
  write() {
    this.open("notes");
    this.#parts["note-text"].focus();
  }

  /** Profiles are read anew when they are looked at next. */
  forget() {
    this.#profiles.clear();
    this.#notes.forget();
  }

  draw() {
    const thread = this.#desk.current;
    if (thread === null || this.#parts.panel.hidden) return;
    this.#notes.load(thread.channel);
    this.#drawNotes(this.#notes.of(thread.channel), thread.channel);
    if (this.#tab === "customer") this.#drawCustomer(thread.channel);
  }

  #key(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const name = TABS[(TABS.indexOf(this.#tab) + by + TABS.length) % TABS.length];
    this.open(name);
    this.#parts[`tab-${name}`].focus();
  }

  // ---------------------------------------------------------------- notes

  #drawNotes(book, channel) {
    const parts = this.#parts;
    setText(parts["notes-count"], book.items.length === 0 ? "" : String(book.items.length));
    const shows = JSON.stringify([channel, book]);
    if (shows === this.#drawn.notes) return;
    this.#drawn.notes = shows;
    const nothing = book.problem || (book.state === "loaded" ? "Nothing is noted yet." : "Loading …");
    const earlier = h(
      "button",
      { type: "button", class: "link-button", onclick: () => this.#earlier(channel) },
      "Earlier notes",
    );
    const rows = book.items.map(noteRow);
    parts["notes-list"].replaceChildren(
      ...(book.more ? [h("li", {}, earlier)] : []),
      ...(rows.length > 0 ? rows : [h("li", { class: "panel-note" }, nothing)]),
    );
    parts["notes-list"].scrollTop = parts["notes-list"].scrollHeight;
  }

  #earlier(channel) {
    this.#notes.loadEarlier(channel).catch(({ message }) => toast(this.#parts.toasts, message));
  }

  async #add(event) {
    event.preventDefault();
    const box = this.#parts["note-text"];
    const text = box.value.trim();
    const thread = this.#desk.current;
    if (text === "" || thread === null) return;
    this.#noteKey ??= crypto.randomUUID();
    try {
      await this.#notes.add(thread.channel, text, this.#noteKey);
      this.#noteKey = null;
      if (box.value.trim() === text) box.value = "";
    } catch ({ message }) {
      toast(this.#parts.toasts, `The note was not kept: ${message}`);
    }
  }

  // ---------------------------------------------------------------- the customer

  #drawCustomer(channel) {
    const known = this.#profiles.get(channel);
    if (known === undefined) this.#load(channel);
    const shows = JSON.stringify([channel, known ?? null]);
    if (shows === this.#drawn.customer) return;
    this.#drawn.customer = shows;
    const words = known?.problem ?? "Loading …";
    this.#parts.customer.replaceChildren(
      ...(known?.profile ? this.#profile(known.profile, channel) : [h("p", { class: "panel-note" }, words)]),
    );
  }

  async #load(channel) {
    this.#profiles.set(channel, {});
    try {
      this.#profiles.set(channel, { profile: await this.#api.get(conversationPath(channel, "customer")) });
    } catch ({ message }) {
      this.#profiles.set(channel, { problem: message });
    }
    this.draw();
  }

  #profile(profile, channel) {
    const facts = [
      ["Known since", dayOf(profile.since_ms)],
      ["Conversations", String(profile.conversations)],
      ["Rated", profile.rated === 0 ? "never" : `${stars(profile.mean_rating)} of ${STARS}, ${times(profile.rated)}`],
      ["Mood", profile.mood.turns === 0 ? "not known" : `${score(profile.mood.mean)}, ${profile.mood.direction}`],
      ...Object.entries(profile.metadata).map(([name, value]) => [inWords(name), shortly(value)]),
    ];
    const past = profile.past.filter((one) => one.channel !== channel);
    return [
      h("h3", { class: "customer-name", dir: "auto" }, profile.user.name),
      h(
        "dl",
        { class: "facts" },
        ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)]),
      ),
      h("h3", { class: "past-title" }, "Before"),
      past.length === 0
        ? h("p", { class: "panel-note" }, "This is their first conversation.")
        : h("ul", { class: "past" }, ...past.map((one) => h("li", {}, this.#past(one)))),
    ];
  }

  #past(one) {
    const state = one.resolved ? "resolved" : inWords(one.state).toLowerCase();
    const rating = one.rating === undefined ? "" : `, rated ${stars(one.rating)} of ${STARS}`;
    return h(
      "button",
      { type: "button", class: "row", onclick: () => this.#show(one.channel) },
      h("span", { class: "row-text", dir: "auto" }, one.first_text ?? "Nothing was written."),
      h("span", { class: "row-note" }, `${dayOf(one.at_ms)}, ${one.messages} messages, ${state}${rating}`),
    );
  }
}

function noteRow({ author, text, at_ms: atMs }) {
  return h(
    "li",
    { class: "note" },
    h("p", { class: "note-top" }, h("strong", { dir: "auto" }, author.name), ` ${dayOf(atMs)}, ${timeOf(atMs)}`),
    h("p", { class: "note-text", dir: "auto" }, text),
  );
}

/** Ratings in [0, 1] are 1 to 5 stars. */
const stars = (rating) => (1 + rating * (STARS - 1)).toFixed(1);
const times = (count) => (count === 1 ? "once" : `${count} times`);
const shortly = (value) => (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 200);
