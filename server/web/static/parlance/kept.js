/** Small JSON values in localStorage or sessionStorage; where a browser forbids those, in memory. */
export class Kept {
  #storage;
  #memory = new Map();

  /** @param {() => Storage} open a function, for the very access can throw */
  constructor(open) {
    try {
      this.#storage = open();
    } catch {
      this.#storage = null;
    }
  }

  get(name, otherwise) {
    try {
      const text = this.#storage?.getItem(name) ?? this.#memory.get(name);
      return text === undefined ? otherwise : JSON.parse(text);
    } catch {
      return otherwise;
    }
  }

  set(name, value) {
    const text = JSON.stringify(value);
    try {
      this.#storage.setItem(name, text);
      this.#memory.delete(name);
    } catch {
      this.#memory.set(name, text);
    }
  }

  remove(name) {
    this.#memory.delete(name);
    try {
      this.#storage.removeItem(name);
    } catch {
      // forbidden storage holds nothing to remove
    }
  }
}
