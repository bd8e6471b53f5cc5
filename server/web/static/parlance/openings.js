/** How this browser's conversations are opened: each by a key of its own, with what was known at its beginning. */

import { freshKey } from "./text.js";

const NAME = "parlance.openings";
/** Those that somebody goes back to; about 200 bytes each in localStorage. */
const KEEP = 20;

export class Openings {
  #store;
  #metadata;

  /**
   * @param {import("./kept.js").Kept} store kept for all tabs
   * @param {object | null} metadata of conversations that begin here
   */
  constructor(store, metadata = null) {
    this.#store = store;
    this.#metadata = metadata;
  }

  /** @returns {string} the key of a new conversation */
  fresh() {
    const key = freshKey();
    if (this.#metadata === null) return key;
    const others = Object.entries(this.#store.get(NAME, {})).slice(-(KEEP - 1));
    this.#store.set(NAME, Object.fromEntries([...others, [key, this.#metadata]]));
    return key;
  }

  /** The `open` frame: the same key with other metadata would be another conversation, which the server refuses. */
  frame(key) {
    const metadata = this.#store.get(NAME, {})[key];
    return metadata === undefined ? { type: "open", key } : { type: "open", key, metadata };
  }
}
