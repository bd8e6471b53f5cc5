/** The conversation in the panel: items to elements, changed in place by their id; the reader stays where they are. */

import { h, setText } from "../chat/dom.js";
import { itemsOf } from "./items.js";
import { chip, messageElement } from "./message.js";

/** Nearer to the end than this, the reader is taken along. */
const NEAR_PX = 80;
/** Screen readers hear of additions a moment after they happened: the log stays busy until then. */
const QUIET_MS = 150;

export class Thread {
  #words;
  #actions;
  #elements = new Map();
  #chat = null;
  #near = true;
  #fetching = false;
  #parts;

  constructor(words, config, actions) {
    const { say } = words;
    this.#words = words;
    this.#actions = actions;
    const parts = {
      earlier: h("button", { type: "button", class: "link earlier", onclick: () => this.#earlier() }, say("earlier")),
      greeting: h("p", { class: "greeting", dir: "auto" }, config.greeting ?? say("greeting")),
      starters: h("div", { class: "chips" }, ...config.starters.map((text) => chip(text, actions))),
      messages: h("div", { class: "messages" }),
      status: h("p", { class: "status" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"))),
      writing: h("span", {}),
      jump: h("button", { type: "button", class: "jump", onclick: () => this.toEnd() }, say("newest")),
    };
    parts.status.append(parts.writing);
    parts.welcome = h("div", { class: "welcome" }, parts.greeting, parts.starters);
    const log = {
      class: "log",
      role: "log",
      tabindex: "0",
      "aria-label": config.title ?? say("title"),
      "aria-busy": "true",
    };
    parts.log = h("div", log, parts.welcome, parts.earlier, parts.messages, parts.status);
    this.element = h("div", { class: "thread" }, parts.log, parts.jump);
    parts.log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const grown = new ResizeObserver(() => this.#near && this.#pin());
    for (const box of [parts.log, parts.messages]) grown.observe(box);
    this.#parts = parts;
    this.draw(null);
  }

  /** @param {import("../parlance/chat.js").Chat | null} chat null: nobody has begun to talk */
  draw(chat) {
    if (chat !== this.#chat) this.#hush();
    this.#chat = chat;
    const items = chat === null ? [] : itemsOf(chat, this.#words, Date.now());
    if (items.at(-1)?.side === "own" && items.at(-1).state === "pending") this.#near = true;
    this.#place(items);
    const { welcome, earlier, jump } = this.#parts;
    welcome.hidden = items.length > 0 && (chat.more || items[0].side !== "day");
    this.#parts.starters.hidden = items.length > 0;
    earlier.hidden = !chat?.more;
    this.#answering(chat);
    if (this.#near) this.#pin();
    jump.hidden = this.#near;
    if ((chat === null || chat.loaded) && !this.#fetching) this.#settled();
  }

  toEnd() {
    this.#near = true;
    this.#pin();
    this.#parts.jump.hidden = true;
  }

  #place(items) {
    const { messages } = this.#parts;
    const wanted = new Set(items.map(({ id }) => id));
    for (const [id, { element }] of this.#elements) {
      if (wanted.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
    let at = messages.firstChild;
    for (const item of items) {
      const made = this.#elements.get(item.id) ?? messageElement(item, this.#words, this.#actions);
      this.#elements.set(item.id, made);
      made.update(item);
      if (made.element === at) at = at.nextSibling;
      else messages.insertBefore(made.element, at);
    }
  }

  #answering(chat) {
    const { status, writing } = this.#parts;
    const typists = chat?.typists ?? [];
    const awaited = chat !== null && chat.unsent.length === 0 && !chat.draft && chat.awaited !== null;
    status.hidden = typists.length === 0 && !awaited;
    if (status.hidden) return;
    const name = new Intl.ListFormat(this.#words.language).format(typists);
    setText(writing, typists.length > 0 ? this.#words.say("writing", { name }) : this.#words.say("thinking"));
  }

  #pin() {
    this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
  }

  #scrolled() {
    const { log, jump } = this.#parts;
    this.#near = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
    jump.hidden = this.#near;
  }

  /** Older messages come in above; what was being read stays where it is. */
  async #earlier() {
    if (this.#fetching) return;
    const { log, earlier } = this.#parts;
    const fromEnd = log.scrollHeight - log.scrollTop;
    this.#fetching = true;
    this.#hush();
    await this.#actions.loadEarlier();
    this.#fetching = false;
    this.draw(this.#chat);
    log.scrollTop = log.scrollHeight - fromEnd;
    if (earlier.hidden) log.focus({ preventScroll: true });
  }

  /** The past is no news: it is not read out. */
  #hush() {
    this.#parts.log.setAttribute("aria-busy", "true");
  }

  #settled() {
    setTimeout(() => this.#parts.log.removeAttribute("aria-busy"), QUIET_MS);
  }
}
