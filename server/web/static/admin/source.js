/** A value that is asked for again and again while somebody looks. No DOM. */

export class Source {
  #ask;
  #everyMs;
  #askedMs = -Infinity;
  #asking = null;
  #error = null;
  value = null;

  /** @param {() => Promise<object>} ask @param {number} everyMs */
  constructor(ask, everyMs) {
    this.#ask = ask;
    this.#everyMs = everyMs;
  }

  /** Ask where it is time to; one question at a time. */
  look(nowMs = Date.now()) {
    if (nowMs - this.#askedMs < this.#everyMs) return this.#asking ?? Promise.resolve();
    return this.refresh(nowMs);
  }

  /** Ask now, since something has changed. */
  refresh(nowMs = Date.now()) {
    this.#askedMs = nowMs;
    this.#asking ??= this.#run().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #run() {
    try {
      this.value = await this.#ask();
      this.#error = null;
    } catch (error) {
      this.#error = error;
    }
  }

  /** The status with which the last question was refused; null where it was answered. */
  get refused() {
    return this.#error?.status ?? null;
  }

  /** How much the value can be believed, as `Panel.show` takes it. */
  get freshness() {
    if (this.#error === null) {
      return this.value === null ? { state: "stale", sentence: "Not heard yet." } : { state: "live", sentence: "" };
    }
    if (this.#error.status === 403 || this.#error.status === 404) return { state: "failed", sentence: this.#error.message };
    return this.value === null
      ? { state: "failed", sentence: this.#error.message }
      : { state: "stale", sentence: `As it was when last heard: ${this.#error.message}` };
  }
}
