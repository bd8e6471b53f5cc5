/** How far each channel of a connection was heard: what the next `connect` resumes after. */
export class Positions {
  #heard = new Map();

  /** For `connect.resume`. @returns {Object<string, {epoch: string, offset: number}>} */
  get all() {
    return Object.fromEntries(this.#heard);
  }

  /** `opened`, `subscribed`, or an entry of `welcome.channels`: from here on everything later is pushed. */
  start(channel, { epoch, offset }) {
    this.#heard.set(channel, { epoch, offset });
  }

  end(channel) {
    this.#heard.delete(channel);
  }

  /**
   * A `message` frame.
   * @returns {boolean} whether it is news: a repeat is none
   */
  take({ channel, epoch, offset }) {
    const before = this.#heard.get(channel);
    if (before?.epoch === epoch && offset <= before.offset) return false;
    if (before !== undefined) this.#heard.set(channel, { epoch, offset });
    return true;
  }
}
