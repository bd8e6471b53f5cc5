/** What agents have noted of conversations: the newest page of each, and what comes. No DOM. */

import { freshKey } from "../parlance/text.js";
import { conversationPath } from "./api.js";

const PAGE = 50;

export class Notes {
  #api;
  #changed;
  #books = new Map();

  /** @param {() => void} changed something that is shown changed */
  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** @returns {{items: object[], more: boolean, state: "new" | "loading" | "loaded", problem: string}} */
  of(channel) {
    const known = this.#books.get(channel);
    if (known !== undefined) return known;
    const book = { items: [], more: false, state: "new", problem: "" };
    this.#books.set(channel, book);
    return book;
  }

  /** Read what is not known yet; nothing while it is on its way. */
  async load(channel) {
    const book = this.of(channel);
    if (book.state !== "new") return;
    book.state = "loading";
    try {
      const page = await this.#api.get(conversationPath(channel, "notes"), { limit: PAGE });
      const told = book.items.filter(({ note_id: id }) => !page.items.some(({ note_id: other }) => other === id));
      Object.assign(book, { items: [...page.items, ...told], more: page.more, state: "loaded", problem: "" });
    } catch (error) {
      Object.assign(book, { state: "new", problem: error.message });
    }
    this.#changed();
  }

  async loadEarlier(channel) {
    const book = this.of(channel);
    const before = book.items[0].note_id;
    const page = await this.#api.get(conversationPath(channel, "notes"), { limit: PAGE, before });
    Object.assign(book, { items: [...page.items, ...book.items], more: page.more });
    this.#changed();
  }

  /** Rejects with ApiError; a repeat after that keeps one note. */
  async add(channel, text, key = freshKey()) {
    this.#take(await this.#api.post(conversationPath(channel, "notes"), { text, key }));
  }

  /** The event `note` of a conversation's channel. */
  hear({ type, name, data }) {
    if (type === "event" && name === "note") this.#take(data);
  }

  /** Events may have been missed: read anew what is shown next. */
  forget() {
    for (const book of this.#books.values()) book.state = "new";
  }

  #take(note) {
    const book = this.of(note.channel);
    if (book.items.some(({ note_id: id }) => id === note.note_id)) return;
    book.items = [...book.items, note];
    this.#changed();
  }
}
