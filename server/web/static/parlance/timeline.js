/**
 * The durable messages of one conversation, ordered and made unique by `offset`; never by time.
 *
 * `position` is the last offset up to which nothing is missing: what a reconnect resumes after. A message known only
 * from its ack is shown, but does not move it, because its push may still be on the way.
 */
export class Timeline {
  #messages = new Map();
  #acked = new Set();
  #sorted = [];
  position = 0;
  loaded = false;
  /** Whether the server has messages older than the oldest here. */
  more = false;

  /**
   * @param {string} channel
   * @param {string} epoch
   */
  constructor(channel, epoch) {
    this.channel = channel;
    this.epoch = epoch;
  }

  get messages() {
    return this.#sorted;
  }

  get oldest() {
    return this.#sorted[0]?.offset ?? 0;
  }

  /** True where a later message is here, but one before it is not. */
  get gap() {
    return this.loaded && this.#sorted.length > 0 && this.#sorted.at(-1).offset > this.position + this.#ackedAhead();
  }

  /** A push or a recovered message. @returns {boolean} whether it was news */
  add(message) {
    const known = this.#messages.has(message.offset) && !this.#acked.has(message.offset);
    if (known) return false;
    this.#acked.delete(message.offset);
    this.#put(message);
    this.#advance();
    return true;
  }

  /** What an `ack` proves about an own message, until its push brings the whole. */
  addAcked(message) {
    if (this.#messages.has(message.offset)) return;
    this.#acked.add(message.offset);
    this.#put(message);
  }

  /** The newest page of `history`; `offset` the conversation's when it was asked. */
  load(page, offset) {
    for (const message of page.messages) this.add(message);
    this.more = page.more;
    this.position = Math.max(this.position, page.messages.at(-1)?.offset ?? offset);
    this.loaded = true;
    this.#advance();
  }

  /** An older page. */
  prepend(page) {
    for (const message of page.messages) this.add(message);
    this.more = page.more;
  }

  #put(message) {
    this.#messages.set(message.offset, message);
    let at = this.#sorted.length;
    while (at > 0 && this.#sorted[at - 1].offset >= message.offset) at -= 1;
    this.#sorted.splice(at, this.#sorted[at]?.offset === message.offset ? 1 : 0, message);
  }

  #advance() {
    if (!this.loaded) return;
    while (this.#messages.has(this.position + 1) && !this.#acked.has(this.position + 1)) this.position += 1;
  }

  #ackedAhead() {
    let run = 0;
    while (this.#acked.has(this.position + 1 + run)) run += 1;
    return run;
  }
}
