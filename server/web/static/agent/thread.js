/**
 * One conversation as an agent follows it: its messages, who answers it, what was understood of each message.
 *
 * No DOM. Ask `load` where it is new or could not be recovered; give it every push of its channel.
 */

import { Timeline } from "../parlance/timeline.js";

const PAGE = 50;
const REPAIR_PAGE = 200;
/** Nobody looks further back. */
const KEPT_ANALYSES = 200;
const TREND_TURNS = 12;

export class Thread {
  #connection;
  #timeline = null;
  #loading = null;
  #repairing = false;
  #typists = new Map();
  #analyses = new Map();
  #read = 0;
  /** @type {"bot" | "waiting" | "claimed"} */
  state = "bot";
  /** @type {{id: string, name: string} | null} who has claimed it */
  agent = null;
  resolved = false;
  draft = "";

  /** @param {string} channel */
  constructor(channel, connection) {
    this.channel = channel;
    this.#connection = connection;
  }

  get loaded() {
    return this.#timeline !== null;
  }

  get messages() {
    return this.#timeline?.messages ?? [];
  }

  get more() {
    return this.#timeline?.more ?? false;
  }

  get typists() {
    return [...this.#typists.values()];
  }

  /** For `connect.resume`. */
  get position() {
    return this.#timeline && !this.#loading ? { epoch: this.#timeline.epoch, offset: this.#timeline.position } : null;
  }

  get lastCustomerMessage() {
    return this.messages.findLast(({ from }) => from.kind === "customer") ?? null;
  }

  /** The customer's name, or what stands for it. */
  get customer() {
    return this.lastCustomerMessage?.from.name ?? "Customer";
  }

  /** Messages of others that came after what was read. */
  get unread() {
    return this.messages.filter(({ offset, from }) => offset > this.#read && from.kind === "customer").length;
  }

  analysisOf(messageId) {
    return this.#analyses.get(messageId) ?? null;
  }

  /** Sentiment scores of the last customer messages that are known, oldest first. */
  get trend() {
    const scores = this.messages.map(({ message_id: id }) => this.#analyses.get(id)?.sentiment.score);
    return scores.filter((score) => score !== undefined).slice(-TREND_TURNS);
  }

  /** @returns {number | null} the offset to tell as read, where that is news */
  markRead() {
    const offset = this.#timeline?.position ?? 0;
    if (offset <= this.#read) return null;
    this.#read = offset;
    return offset;
  }

  /** Subscribe and take the newest page. Rejects with RequestError. */
  async load() {
    const mine = {};
    this.#loading = mine;
    try {
      const { channel } = this;
      const { epoch, offset, conversation } = await this.#connection.request({ type: "subscribe", channel });
      const fresh = new Timeline(channel, epoch);
      const page = await this.#connection.request({ type: "history", channel, limit: PAGE });
      if (this.#loading !== mine) return;
      this.#know(conversation);
      for (const message of this.messages) fresh.add(message); // pushed meanwhile
      fresh.load(page, offset);
      this.#timeline = fresh;
    } finally {
      if (this.#loading === mine) this.#loading = null;
    }
  }

  /** What `welcome.channels` has of it. @returns {boolean} false: `load` it */
  recover(entry) {
    if (!this.#timeline || !entry?.recovered) return false;
    this.#know(entry.conversation);
    for (const message of entry.messages) this.#take(message);
    return true;
  }

  async loadEarlier() {
    const { channel } = this;
    const before = this.#timeline.oldest;
    this.#timeline.prepend(await this.#connection.request({ type: "history", channel, before, limit: PAGE }));
  }

  leave() {
    const { channel } = this;
    return this.#connection.request({ type: "unsubscribe", channel }).catch(() => {});
  }

  /** @param {{message_id: string, analysis: object}[]} items of earlier messages, as the HTTP API tells them */
  understood(items) {
    for (const { message_id: messageId, analysis } of items)
      if (!this.#analyses.has(messageId)) this.#analysed({ message_id: messageId, analysis });
  }

  /** A push of its channel. @returns {Promise<void> | undefined} what is still on its way */
  hear(frame) {
    if (frame.type === "message") return this.#message(frame);
    if (frame.type === "typing") this.#typing(frame);
    if (frame.type === "event" && frame.name === "analysis") this.#analysed(frame.data);
    return undefined;
  }

  #know(conversation) {
    if (!conversation) return;
    this.state = conversation.state;
    this.agent = conversation.agent ?? null;
    this.resolved = conversation.resolved;
  }

  #message(frame) {
    if (this.#timeline === null || frame.epoch !== this.#timeline.epoch) return this.#loading ? undefined : this.load();
    this.#take(frame);
    return this.#timeline.gap ? this.#repair() : undefined;
  }

  #take(message) {
    if (!this.#timeline.add(message)) return;
    this.#typists.delete(message.from.id);
    if (message.from.kind === "system") this.#happened(message.data ?? {});
    else if (message.from.kind === "customer") this.resolved = false;
  }

  #happened({ event, agent }) {
    if (event === "claimed") [this.state, this.agent] = ["claimed", agent ?? null];
    if (event === "waiting" || event === "released") {
      this.state = event === "waiting" ? "waiting" : "bot";
      this.agent = null;
    }
    if (event === "resolved" || event === "reopened") this.resolved = event === "resolved";
  }

  #typing({ user, on }) {
    if (on) this.#typists.set(user.id, user.name);
    else this.#typists.delete(user.id);
  }

  #analysed({ message_id: messageId, analysis }) {
    this.#analyses.set(messageId, analysis);
    while (this.#analyses.size > KEPT_ANALYSES) this.#analyses.delete(this.#analyses.keys().next().value);
  }

  async #repair() {
    if (this.#repairing) return;
    this.#repairing = true;
    try {
      while (this.#timeline.gap) {
        const after = this.#timeline.position;
        const page = await this.#connection.request({
          type: "history",
          channel: this.channel,
          after,
          limit: REPAIR_PAGE,
        });
        if (page.messages.length === 0) break;
        for (const message of page.messages) this.#take(message);
      }
    } finally {
      this.#repairing = false;
    }
  }
}
