/** Carries the outbox to the server: one message at a time, so that a retry can't change their order. */

import { fullJitterMs } from "./backoff.js";

const UNREACHABLE = new Set(["disconnected"]);

export class Delivery {
  #outbox;
  #connection;
  #channelOf;
  #acked;
  #changed;
  #failed;
  #clock;
  #random;
  #running = false;
  #attempt = 0;

  /**
   * @param {object} options
   * @param {import("./outbox.js").Outbox} options.outbox
   * @param {import("./connection.js").Connection} options.connection
   * @param {(conversation: string, anew: boolean) => Promise<string>} options.channelOf the channel behind a
   *   conversation's key; anew: the one known before was not found
   * @param {(entry: import("./outbox.js").Entry, ack: object) => void} options.acked
   * @param {() => void} options.changed the state of an entry changed
   * @param {(entry: import("./outbox.js").Entry, error: import("./requests.js").RequestError) => void} [options.failed]
   *   it stays in the outbox, and is not sent again by itself
   */
  constructor({ outbox, connection, channelOf, acked, changed, failed = () => {}, clock, random }) {
    this.#outbox = outbox;
    this.#connection = connection;
    this.#channelOf = channelOf;
    this.#acked = acked;
    this.#changed = changed;
    this.#failed = failed;
    this.#clock = clock;
    this.#random = random;
  }

  /** Send all that waits. Safe to call at any time and as often as one likes. */
  async flush() {
    if (this.#running) return;
    this.#running = true;
    try {
      for (let entry = this.#next(); entry; entry = this.#next()) await this.#deliver(entry);
    } finally {
      this.#running = false;
    }
  }

  #next() {
    return this.#connection.online ? this.#outbox.next() : undefined;
  }

  async #deliver(entry) {
    try {
      this.#acked(entry, await this.#send(entry));
      this.#attempt = 0;
    } catch (error) {
      if (error.temporary) await this.#pause(error);
      else this.#giveUp(entry, error);
    }
  }

  async #send(entry, anew = false) {
    const channel = await this.#channelOf(entry.conversation, anew);
    try {
      return await this.#connection.request({ type: "send", channel, key: entry.key, text: entry.text, ...entry.more });
    } catch (error) {
      if (error.code !== 404 || anew) throw error;
      return this.#send(entry, true);
    }
  }

  /** The outcome is unknown or "not now": the same key makes the repeat safe. */
  async #pause(error) {
    if (UNREACHABLE.has(error.reason)) return;
    const waitMs = error.retryAfterMs ?? fullJitterMs(this.#attempt, this.#random);
    this.#attempt += 1;
    await new Promise((resume) => this.#clock.setTimeout(resume, waitMs));
  }

  #giveUp(entry, error) {
    this.#outbox.fail(entry.key, error.message);
    this.#failed(entry, error);
    this.#changed();
  }
}
