/**
 * An agent's desk: who waits, the conversations that are open on it, and what the agent does with them.
 *
 * No DOM. Events (see `on`):
 *   change   something that is shown changed; at most once per microtask
 *   arrived  {item} somebody new waits
 *   offered  {item} a conversation is offered to this agent
 *   notice   {text} something a person should read once
 */

import { systemClock } from "../parlance/connection.js";
import { Delivery } from "../parlance/delivery.js";
import { Emitter } from "../parlance/emitter.js";
import { Outbox } from "../parlance/outbox.js";
import { freshKey, normalise } from "../parlance/text.js";
import { Queue } from "../parlance/waiting.js";
import { Thread } from "./thread.js";

const OPEN = "parlance.agent.open";
const QUEUE = "agent:queue";
/** The server lets typing lapse after 6 s. */
const TYPING_EVERY_MS = 4_000;

export class Desk extends Emitter {
  #connection;
  #kept;
  #order;
  #analysesOf;
  #clock;
  #wallMs;
  #outbox;
  #delivery;
  #threads = new Map();
  #announced = false;
  #typedAt = -Infinity;
  queue = new Queue();
  /** The thread that is shown. */
  current = null;
  me = null;

  /**
   * @param {object} options
   * @param {import("../parlance/connection.js").Connection} options.connection
   * @param {import("../parlance/kept.js").Kept} options.kept kept for this tab
   * @param {import("./order.js").Order} options.order of those who wait
   * @param {(channel: string) => Promise<object[]>} options.analysesOf what was understood of earlier messages
   */
  constructor({ connection, kept, order, analysesOf, clock = systemClock, random = Math.random, wallMs = Date.now }) {
    super();
    this.#connection = connection;
    this.#kept = kept;
    this.#order = order;
    this.#analysesOf = analysesOf;
    this.#clock = clock;
    this.#wallMs = wallMs;
    this.#outbox = new Outbox(kept);
    this.#delivery = new Delivery({
      outbox: this.#outbox,
      connection,
      clock,
      random,
      channelOf: async (channel) => channel,
      acked: (entry) => {
        this.#outbox.remove(entry.key);
        this.#changed();
      },
      changed: () => this.#changed(),
    });
    for (const channel of kept.get(OPEN, [])) this.#threads.set(channel, new Thread(channel, connection));
    connection.on("welcome", (frame) => this.#welcomed(frame));
    connection.on("push", (frame) => this.#pushed(frame));
  }

  /** @returns {Thread[]} on the desk, in the order in which they came there */
  get threads() {
    return [...this.#threads.values()];
  }

  /** Who waits and is not on the desk as one's own, in the agent's order; what is offered to the agent first. */
  get waiting() {
    const others = this.queue.items.filter(({ channel }) => !this.holds(this.#threads.get(channel)));
    return this.#order.sorted(others, this.me?.id ?? null);
  }

  get unsent() {
    return this.current === null ? [] : this.#outbox.of(this.current.channel);
  }

  /** Whether the conversation is this agent's. */
  holds(thread) {
    return thread?.state === "claimed" && thread.agent?.id === this.me?.id;
  }

  /** For `connect.resume`. */
  positions() {
    return Object.fromEntries(
      this.threads.filter(({ position }) => position).map(({ channel, position }) => [channel, position]),
    );
  }

  /** Put a conversation on the desk and show it. */
  async open(channel) {
    let thread = this.#threads.get(channel);
    if (thread === undefined) {
      thread = new Thread(channel, this.#connection);
      this.#threads.set(channel, thread);
      this.#keep();
    }
    this.current = thread;
    this.#changed();
    await this.#load(thread);
    this.read();
  }

  /** Put a conversation on the desk without showing it. */
  put(channel) {
    if (this.#threads.has(channel)) return;
    const thread = new Thread(channel, this.#connection);
    this.#threads.set(channel, thread);
    this.#keep();
    this.#load(thread);
  }

  /** Take the conversation over from the bot. Whoever was quicker holds it. */
  async claim(channel) {
    await this.open(channel);
    await this.#do("claim", channel, "could not be taken");
  }

  release() {
    return this.#do("release", this.current?.channel, "could not be given back");
  }

  async resolve() {
    const { channel } = this.current;
    await this.#do("resolve", channel, "could not be marked as resolved", { resolved: !this.current.resolved });
  }

  /** Take it from the desk; it stays whoever's it is. */
  close(channel) {
    const thread = this.#threads.get(channel);
    if (thread === undefined) return;
    if (this.#connection.online) thread.leave();
    this.#threads.delete(channel);
    if (this.current === thread) this.current = this.threads.at(-1) ?? null;
    this.#keep();
    this.#changed();
  }

  /** @returns {boolean} false where nothing is left of the text, or the conversation is not one's own */
  send(text) {
    const clean = normalise(text);
    if (clean === "" || !this.holds(this.current)) return false;
    this.#outbox.add(this.current.channel, freshKey(), clean, this.#wallMs());
    this.#typedAt = -Infinity;
    this.#changed();
    this.#delivery.flush();
    return true;
  }

  retry(key) {
    this.#outbox.retry(key);
    this.#changed();
    this.#delivery.flush();
  }

  discard(key) {
    this.#outbox.remove(key);
    this.#changed();
  }

  /** Somebody writes in the box; the customer is told now and then. */
  typing() {
    const nowMs = this.#clock.now();
    if (nowMs - this.#typedAt < TYPING_EVERY_MS || !this.holds(this.current)) return;
    this.#typedAt = nowMs;
    this.#connection.tell({ type: "typing", channel: this.current.channel, on: true });
  }

  /** What is shown was seen by a person. */
  read() {
    const offset = this.current?.markRead() ?? null;
    if (offset === null) return;
    this.#connection.tell({ type: "receipt", channel: this.current.channel, kind: "read", offset });
    this.#changed();
  }

  async loadEarlier() {
    await this.current.loadEarlier();
    this.#changed();
  }

  async #do(type, channel, failed, more = {}) {
    if (!channel) return;
    try {
      await this.#connection.request({ type, channel, ...more });
    } catch (error) {
      this.emit("notice", { text: `The conversation ${failed}: ${error.message}` });
    }
    this.#changed();
  }

  async #load(thread) {
    if (thread.loaded || !this.#connection.online) return;
    try {
      await thread.load();
      this.#analysesOf(thread.channel).then(
        (items) => {
          thread.understood(items);
          this.#changed();
        },
        () => {}, // the mood of earlier messages is not worth a notice
      );
    } catch (error) {
      if (error.code === 404 || error.code === 403) this.close(thread.channel);
      if (error.reason !== "disconnected")
        this.emit("notice", { text: `The conversation could not be opened: ${error.message}` });
    }
    this.#changed();
  }

  async #welcomed({ user, channels = {} }) {
    this.me = user;
    if (user.kind !== "agent" && user.kind !== "admin") return;
    const again = this.threads.filter((thread) => !thread.recover(channels[thread.channel]));
    this.#delivery.flush();
    this.#changed();
    await this.#connection.request({ type: "subscribe", channel: QUEUE }).catch(({ message, reason }) => {
      if (reason !== "disconnected") this.emit("notice", { text: `Who waits can't be seen: ${message}` });
    });
    for (const thread of again) await (thread.loaded ? thread.load().catch(() => {}) : this.#load(thread));
    this.#changed();
  }

  #pushed(frame) {
    if (frame.channel === QUEUE && frame.type === "event") this.#queued(frame);
    const thread = this.#threads.get(frame.channel);
    if (thread === undefined) return;
    if (frame.type === "message" && frame.from.id === this.me?.id && frame.key) this.#outbox.remove(frame.key);
    thread.hear(frame)?.then(
      () => this.#changed(),
      () => {}, // the next push or reconnect finds the same gap
    );
    this.#changed();
  }

  #queued({ name, data }) {
    const before = new Map(this.queue.items.map((item) => [item.channel, item.offered_to]));
    const known = this.queue.known;
    this.queue.hear(name, data);
    for (const item of this.queue.items) {
      if (known && !before.has(item.channel)) this.emit("arrived", { item });
      const mine = item.offered_to !== undefined && item.offered_to === this.me?.id;
      if (mine && before.get(item.channel) !== item.offered_to) this.emit("offered", { item });
    }
    this.#changed();
  }

  #keep() {
    this.#kept.set(OPEN, [...this.#threads.keys()]);
  }

  #changed() {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.emit("change");
    });
  }
}
