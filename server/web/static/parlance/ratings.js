/** Thumbs: what this browser's user thinks of single answers. The server has no way to ask for them again. */

const NAME = "parlance.ratings";
/** Enough for the longest chat somebody scrolls back in; about 60 bytes each in localStorage. */
const KEEP = 500;

export class Ratings {
  #store;

  /** @param {import("./kept.js").Kept} store kept for all tabs */
  constructor(store) {
    this.#store = store;
  }

  static get storageKey() {
    return NAME;
  }

  /** @returns {0 | 1 | null} */
  of(messageId) {
    return this.#all()[messageId]?.rating ?? null;
  }

  /** @returns {Array<[string, 0 | 1]>} given, but not accepted by the server yet */
  unsent() {
    return Object.entries(this.#all())
      .filter(([, entry]) => !entry.sent)
      .map(([messageId, entry]) => [messageId, entry.rating]);
  }

  give(messageId, rating) {
    const { [messageId]: _, ...others } = this.#all();
    const kept = Object.entries(others).slice(-(KEEP - 1));
    this.#store.set(NAME, Object.fromEntries([...kept, [messageId, { rating, sent: false }]]));
  }

  /** The server has it; a rating that changed meanwhile still waits. */
  accepted(messageId, rating) {
    const all = this.#all();
    if (all[messageId]?.rating === rating) this.#store.set(NAME, { ...all, [messageId]: { rating, sent: true } });
  }

  takeBack(messageId) {
    const { [messageId]: _, ...others } = this.#all();
    this.#store.set(NAME, others);
  }

  #all() {
    return this.#store.get(NAME, {});
  }
}
