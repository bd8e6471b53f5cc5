/**
 * One person's chat: the conversation that is shown, what was written and not acked, thumbs, analyses.
 *
 * No DOM. Events (see `on`):
 *   change  something that is shown changed; at most once per microtask
 *   notice  {text, kind} something a person should read once, in English; kind: "opening", "error", "session", "rating",
 *           "system"
 */

import { Analyses } from "./analyses.js";
import { systemClock } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Delivery } from "./delivery.js";
import { Emitter } from "./emitter.js";
import { Openings } from "./openings.js";
import { Outbox } from "./outbox.js";
import { Ratings } from "./ratings.js";
import { freshKey, normalise } from "./text.js";

const CONVERSATION = "parlance.conversation";
/** An answer that takes longer is not announced any more; the protocol restarts a lost turn within 10 s. */
const ANSWER_WITHIN_MS = 60_000;
/** The server lets typing lapse after 6 s. */
const TYPING_EVERY_MS = 4_000;

export class Chat extends Emitter {
  #connection;
  #shared;
  #clock;
  #random;
  #wallMs;
  #outbox;
  #ratings;
  #analyses;
  #delivery;
  #conversation;
  #openings;
  #typedAtMs = -Infinity;
  #skewMs = 0;
  #announced = false;
  me = null;
  /** What an operator wants everybody to read on top; "" for nothing. */
  standing = "";

  /**
   * @param {object} options
   * @param {import("./connection.js").Connection} options.connection
   * @param {import("./kept.js").Kept} options.shared kept for all tabs
   * @param {import("./kept.js").Kept} options.own kept for this tab
   * @param {object | null} [options.metadata] what conversations that begin here are opened with
   * @param {() => number} [options.wallMs] milliseconds since the Unix epoch
   */
  constructor(options) {
    super();
    const { connection, shared, own, metadata = null } = options;
    const { clock = systemClock, random = Math.random, wallMs = Date.now } = options;
    this.#openings = new Openings(shared, metadata);
    this.#connection = connection;
    this.#shared = shared;
    this.#clock = clock;
    this.#random = random;
    this.#wallMs = wallMs;
    this.#outbox = new Outbox(own);
    this.#ratings = new Ratings(shared);
    this.#analyses = new Analyses(own);
    this.#show(shared.get(CONVERSATION, null) ?? this.#openings.fresh());
    this.#delivery = new Delivery({
      outbox: this.#outbox,
      connection,
      clock,
      random,
      channelOf: (key, anew) => this.#channelOf(key, anew),
      acked: (entry, ack) => this.#acked(entry, ack),
      changed: () => this.#changed(),
    });
    connection.on("welcome", (frame) => this.#welcomed(frame));
    connection.on("push", (frame) => this.#pushed(frame));
  }

  /** What of this lies in localStorage, for whoever listens to other tabs. */
  static get storageKeys() {
    return { conversation: CONVERSATION, ratings: Ratings.storageKey };
  }

  /** Whether the conversation is here, as far as the server has told. */
  get loaded() {
    return this.#conversation.loaded;
  }

  /** Whether the server has older messages. */
  get more() {
    return this.#conversation.more;
  }

  /** @returns {readonly object[]} `message` frames in order */
  get messages() {
    return this.#conversation.messages;
  }

  /** @returns {readonly import("./outbox.js").Entry[]} */
  get unsent() {
    return this.#outbox.of(this.#conversation.key);
  }

  /** The answer in the making. @returns {{messageId: string, text: string} | null} */
  get draft() {
    return this.#conversation.draft;
  }

  /** @returns {string[]} names of others who are typing */
  get typists() {
    return this.#conversation.typists;
  }

  /** Who answers: "bot", "waiting" for a person (the bot still answers), or "claimed" by `agent`. */
  get state() {
    return this.#conversation.state;
  }

  /** The person who answers. @returns {{id: string, kind: string, name: string} | null} */
  get agent() {
    return this.#conversation.agent;
  }

  /** How many messages of others were not read, of those that are here. */
  get unread() {
    const { readOffset } = this.#conversation;
    const news = ({ offset, from }) => offset > readOffset && from.kind !== "system";
    return this.messages.filter((message) => news(message) && !this.isOwn(message)).length;
  }

  /** The customer message whose answer is still expected; else null. */
  get awaited() {
    const question = this.#conversation.unanswered;
    const nowMs = this.#wallMs() + this.#skewMs;
    return question && nowMs - question.at_ms <= ANSWER_WITHIN_MS ? question : null;
  }

  isOwn(message) {
    return this.me !== null && message.from.id === this.me.id;
  }

  ratingOf(messageId) {
    return this.#ratings.of(messageId);
  }

  analysisOf(messageId) {
    return this.#analyses.of(messageId);
  }

  /** For `connect.resume`. */
  positions() {
    return this.#conversation.positions;
  }

  /** @returns {boolean} false where nothing is left of the text */
  send(text) {
    const clean = normalise(text);
    if (clean === "") return false;
    this.#outbox.add(this.#conversation.key, freshKey(), clean, this.#wallMs());
    this.#typedAtMs = -Infinity; // the message itself ends it
    this.#changed();
    this.#flush();
    return true;
  }

  retry(key) {
    this.#outbox.retry(key);
    this.#changed();
    this.#flush();
  }

  discard(key) {
    this.#outbox.remove(key);
    this.#changed();
  }

  /** Somebody sees the conversation: nothing is unread now. */
  read() {
    const before = this.unread;
    this.#conversation.read();
    if (before !== this.unread) this.#changed();
  }

  /** The customer is writing: call it at every change of the text; `on` false: the text is gone. */
  typing(on = true) {
    const { channel } = this.#conversation;
    const nowMs = this.#clock.now();
    if (channel === null || (on ? nowMs - this.#typedAtMs < TYPING_EVERY_MS : this.#typedAtMs === -Infinity)) return;
    this.#typedAtMs = on ? nowMs : -Infinity;
    this.#connection.tell({ type: "typing", channel, on });
  }

  /** Ask for a person. @returns {Promise<void>} rejects with RequestError */
  async handoff(reason = undefined) {
    const channel = await this.#conversation.reach(false);
    await this.#connection.request({ type: "handoff", channel, reason });
  }

  /** @param {0 | 1} rating thumbs down, thumbs up; replaces an earlier one */
  rate(messageId, rating) {
    if (this.#ratings.of(messageId) === rating) return;
    this.#ratings.give(messageId, rating);
    this.#changed();
    this.#sendRating(messageId, rating);
  }

  /** @returns {string} the key of the conversation that was left, for `follow` */
  startNew() {
    const left = this.#conversation.key;
    this.follow(this.#openings.fresh());
    return left;
  }

  /** Show another of the user's conversations, by the key it was opened with. */
  follow(key) {
    this.#conversation.leave();
    this.#show(key);
    this.#changed();
    if (this.#connection.online) this.#conversation.open();
  }

  /** Another tab changed what is kept for all tabs. */
  refresh() {
    const key = this.#shared.get(CONVERSATION, this.#conversation.key);
    if (key !== this.#conversation.key) this.follow(key);
    this.#changed();
  }

  /** @returns {Promise<void>} rejects with RequestError */
  loadEarlier() {
    return this.#conversation.loadEarlier();
  }

  #show(key) {
    this.#shared.set(CONVERSATION, key);
    this.#conversation = new Conversation({
      key,
      opens: this.#openings.frame(key),
      isMe: ({ id }) => id === this.me?.id,
      connection: this.#connection,
      clock: this.#clock,
      random: this.#random,
      on: {
        changed: () => this.#changed(),
        ready: () => this.#flush(),
        heard: (message) => this.#heard(message),
        notice: (text) => this.#notice("opening", text),
      },
    });
  }

  #notice(kind, text) {
    this.emit("notice", { kind, text });
  }

  #changed() {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.emit("change");
    });
  }

  #welcomed({ user, time_ms: timeMs, channels = {} }) {
    this.standing = ""; // the server says it again
    const somebodyElse = this.me !== null && this.me.id !== user.id;
    this.me = user;
    this.#skewMs = timeMs - this.#wallMs();
    if (somebodyElse) this.#moveOut();
    this.#conversation.welcomed(channels);
  }

  /** A conversation belongs to its user: another one starts their own, and takes along what was not sent yet. */
  #moveOut() {
    const left = this.#conversation.key;
    const stored = this.#shared.get(CONVERSATION, left);
    this.#show(stored === left ? this.#openings.fresh() : stored);
    this.#outbox.move(left, this.#conversation.key);
    this.#notice("session", "Your session had ended, so this is a new conversation.");
  }

  #pushed(frame) {
    if (frame.type === "event" && frame.channel === "system") this.#toldAll(frame);
    else if (frame.type === "error") this.#notice("error", frame.message);
    else if (frame.type === "event" && frame.name === "analysis" && frame.channel === this.#conversation.channel) {
      this.#analyses.add(frame.data.message_id, frame.data.analysis);
      this.#changed();
    } else if (this.#conversation.pushed(frame)) this.#changed();
  }

  /** Word to everybody: a notice that stands, or one that is read once. */
  #toldAll({ data: { text = "", standing = false } }) {
    if (typeof text !== "string") return;
    if (!standing) {
      if (text !== "") this.#notice("system", text);
      return;
    }
    this.standing = text;
    this.#changed();
  }

  /** An own message that came back is delivered, even where its ack was lost on the way. */
  #heard(message) {
    if (this.isOwn(message) && message.key) this.#outbox.remove(message.key);
  }

  #flush() {
    this.#delivery.flush();
    for (const [messageId, rating] of this.#ratings.unsent()) this.#sendRating(messageId, rating);
  }

  async #sendRating(messageId, rating) {
    try {
      await this.#connection.request({ type: "feedback", message_id: messageId, rating });
      this.#ratings.accepted(messageId, rating);
    } catch (error) {
      if (error.temporary) return;
      this.#ratings.takeBack(messageId);
      this.#notice("rating", `The rating could not be kept: ${error.message}`);
      this.#changed();
    }
  }

  async #channelOf(key, anew) {
    if (key === this.#conversation.key) return this.#conversation.reach(anew);
    const { channel } = await this.#connection.request(this.#openings.frame(key));
    return channel;
  }

  #acked(entry, { channel, key, message_id, offset, at_ms }) {
    this.#outbox.remove(entry.key);
    if (entry.conversation === this.#conversation.key) {
      this.#conversation.acked({ channel, key, message_id, offset, at_ms, from: this.me, text: entry.text });
    }
    this.#changed();
  }
}
