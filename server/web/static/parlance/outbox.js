/**
 * What was written but is not acked yet. It survives a reload of its tab; every repeat carries the same `key`, so the
 * server stores it once however often it is sent.
 *
 * @typedef {object} Entry
 * @property {string} conversation the key it was opened with: a message stays with the conversation it was written in
 * @property {string} key
 * @property {string} text
 * @property {object} [more] further fields of its `send`: `data`, `reply_to`
 * @property {number} atMs
 * @property {"pending" | "failed"} state
 * @property {string} error why it failed
 */

const NAME = "parlance.outbox";

export class Outbox {
  #store;
  /** @type {Entry[]} */
  #entries;

  /** @param {import("./kept.js").Kept} store kept for this tab */
  constructor(store) {
    this.#store = store;
    this.#entries = store.get(NAME, []);
  }

  /** @returns {readonly Entry[]} of one conversation, oldest first */
  of(conversation) {
    return this.#entries.filter((entry) => entry.conversation === conversation);
  }

  /** @returns {Entry | undefined} the oldest that waits to be sent */
  next() {
    return this.#entries.find((entry) => entry.state === "pending");
  }

  add(conversation, key, text, atMs, more = undefined) {
    this.#entries.push({ conversation, key, text, atMs, state: "pending", error: "", ...(more && { more }) });
    this.#keep();
  }

  /** It will not be sent again by itself. */
  fail(key, error) {
    this.#change(key, { state: "failed", error });
  }

  retry(key) {
    this.#change(key, { state: "pending", error: "" });
  }

  has(key) {
    return this.#entries.some((entry) => entry.key === key);
  }

  remove(key) {
    if (!this.has(key)) return;
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
    this.#keep();
  }

  /** The conversation can't be reached any more (another user now): its unsent messages go to the new one. */
  move(from, to) {
    this.#entries = this.#entries.map((entry) =>
      entry.conversation === from ? { ...entry, conversation: to } : entry,
    );
    this.#keep();
  }

  #change(key, change) {
    this.#entries = this.#entries.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
    this.#keep();
  }

  #keep() {
    this.#store.set(NAME, this.#entries);
  }
}
