/** Small JSON values in localStorage or sessionStorage; where a browser forbids those, in memory. */
export class Kept {
  #storage;
  #prefix;
  #memory = new Map();

  /**
   * @param {() => Storage | null} open a function, for the very access can throw
   * @param {string} [prefix] of all names, where others keep theirs in the same storage
   */
  constructor(open, prefix = "") {
    this.#prefix = prefix;
    try {
      this.#storage = open();
    } catch {
      this.#storage = null;
    }
  }

  get(name, otherwise) {
    try {
      const text = this.#storage?.getItem(this.#prefix + name) ?? this.#memory.get(name);
      return text === undefined ? otherwise : JSON.parse(text);
    } catch {
      return otherwise;
    }
  }

  set(name, value) {
    const text = JSON.stringify(value);
    try {
      this.#storage.setItem(this.#prefix + name, text);
      this.#memory.delete(name);
    } catch {
      this.#memory.set(name, text);
    }
  }

  remove(name) {
    this.#memory.delete(name);
    try {
      this.#storage.removeItem(this.#prefix + name);
    } catch {
      // forbidden storage holds nothing to remove
    }
  }
}
