/** The conversation on the page: from the chat's state to items, from items to elements, changed in place by id. */

import { chip, dayElement, messageElement } from "./message.js";
import { dayKey, dayOf, inWords } from "./format.js";
import { speakAs, voiceprint, wave } from "./voice.js";

/** Words of one side within this time read as one. */
const TOGETHER_MS = 180_000;
/** Nearer to the end than this, the reader is taken along. */
const NEAR_PX = 120;
/** Screen readers hear of additions a moment after they happened: the log stays busy until then. */
const QUIET_MS = 150;
const MAX_CHIPS = 6;
const SLOW_ANSWER_MS = 12_000;
const STARTERS = [
  "Hello there!",
  "My card was declined and I need it right now!!",
  "Thank you so much, that was brilliant",
  "Where is my order #4711?",
];

/** @returns {string[]} texts of `data.suggestions`: strings, or objects with a text */
export function suggestionsOf(message) {
  const given = message.data?.suggestions;
  if (!Array.isArray(given)) return [];
  const texts = given.map((one) => (typeof one === "string" ? one : (one?.text ?? one?.label ?? one?.title)));
  return [...new Set(texts.filter((text) => typeof text === "string" && text.trim() !== ""))].slice(0, MAX_CHIPS);
}

/** @returns {import("./message.js").Item[]} without the day lines */
export function itemsOf(chat, shownId) {
  const last = chat.messages.at(-1);
  const items = chat.messages.map((message) =>
    itemOf(chat, message, message === last && chat.unsent.length === 0, shownId),
  );
  return items.concat(chat.draft ? [draftItem(chat.draft)] : [], chat.unsent.map(waitingItem));
}

/** Whose voice it is comes with the message. */
function draftItem({ messageId, text }) {
  return { id: `m${messageId}`, side: "draft", text, atMs: Date.now() };
}

function itemOf(chat, message, isLast, shownId) {
  const base = { text: message.text, atMs: message.at_ms };
  if (message.from.kind === "system") return { ...base, id: `o${message.offset}`, side: "system" };
  if (chat.isOwn(message)) {
    return {
      ...base,
      id: message.key ? `k${message.key}` : `o${message.offset}`,
      side: "own",
      state: "sent",
      key: message.key,
    };
  }
  const persona = message.turn?.persona;
  return {
    ...base,
    id: `o${message.offset}`,
    side: "other",
    speaker: persona ? inWords(persona) : message.from.name,
    voice: persona ?? message.from.name,
    messageId: persona ? message.message_id : null,
    rating: chat.ratingOf(message.message_id),
    newest: isLast,
    shown: message.message_id === shownId,
    suggestions: isLast ? suggestionsOf(message) : [],
  };
}

function waitingItem({ key, text, atMs, state, error }) {
  return { id: `k${key}`, key, side: "own", text, atMs, state, error };
}

/** Day lines between, and which message follows another of its side. */
function arranged(items) {
  const result = [];
  let before = null;
  for (const item of items) {
    const newDay = !before || dayKey(before.atMs) !== dayKey(item.atMs);
    if (newDay)
      result.push({ id: `d${dayKey(item.atMs)}-${item.id}`, side: "day", text: dayOf(item.atMs), atMs: item.atMs });
    const follows =
      !newDay && before.side === item.side && item.side === "own" && item.atMs - before.atMs < TOGETHER_MS;
    result.push({ ...item, follows });
    before = item;
  }
  return result;
}

export class View {
  #parts;
  #chat;
  #actions;
  #elements = new Map();
  #drawn = false;
  /** The reader is at the end, and is taken along as it moves. */
  #near = true;
  #top = 0;
  #missed = 0;
  #shownId = null;
  /** The answer in the making that was drawn last: its message takes its place without moving in. */
  #drafted = null;
  #fetching = false;
  #slow = null;
  #quiet = null;

  /** @param {Object<string, HTMLElement>} parts elements by their id */
  constructor(parts, chat, actions) {
    this.#parts = parts;
    this.#chat = chat;
    this.#actions = actions;
    parts.wave.append(wave());
    parts.starters.append(...STARTERS.map((text) => chip(text, actions)));
    parts.earlier.addEventListener("click", () => this.#earlier());
    parts.jump.addEventListener("click", () => this.toEnd());
    parts.log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const grown = new ResizeObserver(() => this.#near && this.#pin());
    for (const box of [parts.log, parts.messages]) grown.observe(box);
    speakAs(parts.answering, "parlance");
    parts["answering-mark"].append(voiceprint("parlance"));
  }

  /** Draw the chat's state. `shownId`: the answer that the panel shows. */
  draw(shownId) {
    const chat = this.#chat;
    this.#shownId = shownId;
    const items = arranged(itemsOf(chat, shownId));
    this.#place(items);
    this.#drafted = chat.draft?.messageId ?? null;
    const empty = chat.loaded && items.length === 0;
    this.#parts.welcome.hidden = !empty;
    this.#parts.earlier.hidden = !chat.more;
    this.#answering();
    if (this.#near) this.#pin();
    this.#parts.jump.hidden = this.#near;
    if (chat.loaded && !this.#fetching) this.#settled();
  }

  /** Another conversation: the next drawing is a first one. */
  reset() {
    this.#near = true;
    this.#missed = 0;
    this.#hush();
  }

  toEnd() {
    this.#near = true;
    this.#missed = 0;
    this.#parts.log.scrollTo({ top: this.#parts.log.scrollHeight, behavior: "smooth" });
    this.#parts.jump.hidden = true;
    this.#parts.message.focus({ preventScroll: true });
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
      const made = this.#elements.get(item.id) ?? this.#make(item);
      made.update(item);
      if (made.element === at) at = at.nextSibling;
      else messages.insertBefore(made.element, at);
    }
  }

  #make(item) {
    const made = item.side === "day" ? dayElement(item.text) : messageElement(item, this.#actions);
    const seen = item.messageId && item.messageId === this.#drafted;
    if (this.#drawn && !seen) this.#announce(made.element, item);
    this.#elements.set(item.id, made);
    return made;
  }

  #announce(element, item) {
    element.classList.add("fresh");
    if (item.side === "own" && item.state === "pending") this.#near = true;
    else if (!this.#near && item.side !== "day") this.#missed += 1;
    const { "jump-text": text } = this.#parts;
    text.textContent =
      this.#missed === 0 ? "Newest messages" : this.#missed === 1 ? "1 new message" : `${this.#missed} new messages`;
  }

  #answering() {
    const { answering, "answering-text": text } = this.#parts;
    const { typists, awaited } = this.#chat;
    const waits = this.#chat.unsent.length === 0 && !this.#chat.draft ? awaited : null;
    answering.hidden = typists.length === 0 && waits === null;
    clearTimeout(this.#slow);
    if (typists.length > 0) text.textContent = `${typists.join(", ")} ${typists.length > 1 ? "are" : "is"} writing`;
    else if (waits) {
      text.textContent = "Finding the right words";
      this.#slow = setTimeout(() => (text.textContent = "This one takes a moment longer"), SLOW_ANSWER_MS);
    }
  }

  #pin() {
    this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
    this.#top = this.#parts.log.scrollTop;
  }

  #scrolled() {
    const { log, jump } = this.#parts;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
    const backwards = log.scrollTop < this.#top - 1; // growing content moves the end away, but only a reader goes back
    this.#top = log.scrollTop;
    if (!atEnd && !backwards) return;
    this.#near = atEnd;
    if (atEnd) this.#missed = 0;
    jump.hidden = atEnd;
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
    this.draw(this.#shownId);
    log.scrollTop = log.scrollHeight - fromEnd;
    if (earlier.hidden) log.focus({ preventScroll: true });
  }

  /** The past is no news: it neither moves in nor is read out. */
  #hush() {
    this.#drawn = false;
    clearTimeout(this.#quiet);
    this.#parts.log.setAttribute("aria-busy", "true");
  }

  #settled() {
    if (this.#drawn) return;
    this.#drawn = true;
    this.#quiet = setTimeout(() => this.#parts.log.removeAttribute("aria-busy"), QUIET_MS);
  }
}
