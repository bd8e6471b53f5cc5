/** The analyses of this tab's recent turns. They are pushed once and not part of the history. */

const NAME = "parlance.analyses";
/** About 800 bytes each in sessionStorage; nobody looks further back. */
const KEEP = 30;

export class Analyses {
  #store;
  #all;

  /** @param {import("./kept.js").Kept} store kept for this tab */
  constructor(store) {
    this.#store = store;
    this.#all = new Map(store.get(NAME, []));
  }

  add(messageId, analysis) {
    this.#all.set(messageId, analysis);
    while (this.#all.size > KEEP) this.#all.delete(this.#all.keys().next().value);
    this.#store.set(NAME, [...this.#all]);
  }

  /** @returns {object | null} PROTOCOL's `analysis` of the customer message with that id */
  of(messageId) {
    return this.#all.get(messageId) ?? null;
  }
}
