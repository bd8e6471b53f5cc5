/**
 * One open conversation: opens it by its key, loads its newest page, resumes, fills gaps, tells what is awaited.
 *
 * No DOM. Pushes that arrive while the newest page is on its way gather in the timeline to be.
 */

import { fullJitterMs } from "./backoff.js";
import { Draft } from "./draft.js";
import { RequestError } from "./requests.js";
import { Timeline } from "./timeline.js";

const PAGE = 50;
const REPAIR_PAGE = 200;
/** A second or third try waits about as long as a person does before looking away. */
const RETRY_ATTEMPT = 3;
const STATE_AFTER = { waiting: "waiting", claimed: "claimed", released: "bot" };

export class Conversation {
  #connection;
  #clock;
  #random;
  #on;
  #opens;
  #isMe;
  #timeline = null;
  #loading = null;
  #opening = null;
  #left = false;
  #repairing = false;
  #typists = new Map();
  #draft;
  /** @type {"bot" | "waiting" | "claimed"} */
  state = "bot";
  /** Who holds it, while it is claimed. @type {{id: string, kind: string, name: string} | null} */
  agent = null;
  /** Up to and including which message its customer has read, on any device. */
  readOffset = 0;

  /**
   * @param {object} options
   * @param {string} options.key the customer's own name for it
   * @param {object} [options.opens] the `open` frame, where there is more to it than the key
   * @param {(user: object) => boolean} [options.isMe]
   * @param {{changed: () => void, ready: () => void, heard: (message: object) => void, notice: (text: string) => void}}
   *   options.on ready: loaded or resumed, so that what waits can be sent; heard: each message, whatever way it came
   */
  constructor({ key, opens = { type: "open", key }, isMe = () => false, connection, clock, random, on }) {
    this.key = key;
    this.#opens = opens;
    this.#isMe = isMe;
    this.#connection = connection;
    this.#clock = clock;
    this.#random = random;
    this.#on = on;
    this.#draft = new Draft(clock, on.changed);
  }

  get loaded() {
    return this.#timeline !== null;
  }

  /** Known as soon as it is opened, before its messages are here. */
  get channel() {
    return this.#current?.channel ?? null;
  }

  get #current() {
    return this.#loading ?? this.#timeline;
  }

  get more() {
    return this.#timeline?.more ?? false;
  }

  get messages() {
    return this.#timeline?.messages ?? [];
  }

  get typists() {
    return [...this.#typists.values()];
  }

  /** The answer in the making, as far as it is known. @returns {{messageId: string, text: string} | null} */
  get draft() {
    return this.#draft.shown;
  }

  /** For `connect.resume`; nothing where it is not whole yet, for then it is opened and loaded anew. */
  get positions() {
    if (!this.#timeline || this.#loading) return {};
    const { channel, epoch, position } = this.#timeline;
    return { [channel]: { epoch, offset: position } };
  }

  /** The newest customer message, while the bot still owes its answer; else null. */
  get unanswered() {
    if (this.state === "claimed") return null;
    const at = this.messages.findLastIndex(({ from }) => from.kind === "customer");
    if (at < 0) return null;
    const question = this.messages[at];
    const answered = this.messages.slice(at + 1).some(({ reply_to: to }) => to === question.message_id);
    return answered ? null : question;
  }

  /** A connection is up: take what `welcome.channels` has recovered, or begin again. */
  welcomed(channels) {
    this.#draft.end(); // what came of it meanwhile comes as a message
    const entry = this.#timeline && channels[this.#timeline.channel];
    if (entry?.error) this.#timeline = null; // sending there would only fail
    if (!entry || entry.error) this.open();
    else if (entry.recovered) this.#recover(entry);
    else this.#load(this.#timeline.channel, entry);
  }

  async open() {
    try {
      const opened = await this.#ask();
      if (this.#left) return;
      this.#know(opened.conversation);
      await this.#load(opened.channel, opened);
    } catch (error) {
      this.#again(error, () => this.open());
    }
  }

  /** Another conversation is shown now. */
  leave() {
    this.#left = true;
    const { channel } = this;
    if (channel) this.#connection.request({ type: "unsubscribe", channel }).catch(() => {});
  }

  /** The channel to send to. `anew`: the server did not find the one known so far. */
  async reach(anew) {
    if (this.channel && !anew) return this.channel;
    const opened = await this.#ask();
    if (this.channel && opened.channel !== this.channel) this.#load(opened.channel, opened);
    return opened.channel;
  }

  /** One `open` at a time: whoever wants to know the channel shares its answer. */
  #ask() {
    this.#opening ??= this.#connection.request(this.#opens).finally(() => (this.#opening = null));
    return this.#opening;
  }

  async loadEarlier() {
    const timeline = this.#timeline;
    const { channel, oldest: before } = timeline;
    timeline.prepend(await this.#connection.request({ type: "history", channel, before, limit: PAGE }));
    this.#on.changed();
  }

  /** What an `ack` proves about an own message, until its push brings the whole. */
  acked(message) {
    if (message.channel === this.channel) this.#current.addAcked(message);
  }

  /** @returns {boolean} whether the frame was this conversation's and changed it */
  pushed(frame) {
    const timeline = this.#current;
    if (!timeline || frame.channel !== timeline.channel) return false;
    if (frame.type === "message") this.#message(timeline, frame);
    else if (frame.type === "typing") this.#typing(frame);
    else if (frame.type === "delta") this.#draft.take(frame);
    else if (frame.type === "receipt" && frame.kind === "read" && this.#isMe(frame.user)) this.#hasRead(frame.offset);
    else return false;
    return true;
  }

  /** The customer has seen all that is here; other devices hear of it. */
  read() {
    const newest = this.messages.at(-1)?.offset ?? 0;
    if (newest <= this.readOffset || !this.#connection.online) return;
    this.#hasRead(newest);
    this.#connection.tell({ type: "receipt", channel: this.channel, kind: "read", offset: newest });
  }

  #hasRead(offset) {
    this.readOffset = Math.max(this.readOffset, offset);
  }

  /** What the server says of the conversation when it is opened or resumed. */
  #know(conversation) {
    if (!conversation) return;
    this.state = conversation.state;
    this.agent = conversation.agent ?? null;
    this.#hasRead(conversation.read_offset ?? 0);
  }

  #recover({ messages, conversation }) {
    this.#know(conversation);
    for (const message of messages) this.#take(this.#timeline, message);
    this.#on.changed();
    this.#on.ready();
  }

  async #load(channel, { epoch, offset }) {
    const fresh = new Timeline(channel, epoch);
    this.#loading = fresh;
    try {
      const page = await this.#connection.request({ type: "history", channel, limit: PAGE });
      if (this.#loading !== fresh || this.#left) return;
      fresh.load(page, offset);
      page.messages.forEach(this.#on.heard);
      this.#timeline = fresh;
      this.#loading = null;
      this.#on.changed();
      this.#on.ready();
    } catch (error) {
      this.#again(error, () => this.#loading === fresh && this.#load(channel, { epoch, offset }));
    }
  }

  /** A lost connection starts over by itself; what is temporary is tried again; the rest is told. */
  #again(error, retry) {
    if (!(error instanceof RequestError)) throw error;
    if (error.reason === "disconnected" || this.#left) return;
    const waitMs = error.retryAfterMs ?? fullJitterMs(RETRY_ATTEMPT, this.#random);
    if (error.temporary) this.#clock.setTimeout(() => !this.#left && retry(), waitMs);
    else this.#on.notice(`The conversation could not be opened: ${error.message}`);
  }

  #message(timeline, frame) {
    if (frame.epoch !== timeline.epoch) return this.#load(frame.channel, frame);
    this.#take(timeline, frame);
    return timeline.gap ? this.#repair(timeline) : undefined;
  }

  #take(timeline, message) {
    timeline.add(message);
    this.#typists.delete(message.from.id);
    if (message.from.kind === "bot" || message.data?.event === "claimed") this.#draft.end();
    if (message.from.kind === "system") this.#event(message.data ?? {});
    this.#on.heard(message);
  }

  #event({ event, agent }) {
    this.state = STATE_AFTER[event] ?? this.state;
    if (event in STATE_AFTER) this.agent = event === "claimed" ? (agent ?? null) : null;
  }

  #typing({ user, on }) {
    if (on) this.#typists.set(user.id, user.name);
    else this.#typists.delete(user.id);
  }

  async #repair(timeline) {
    if (this.#repairing) return;
    this.#repairing = true;
    try {
      while (timeline.gap && timeline === this.#timeline) {
        const { channel, position: after } = timeline;
        const page = await this.#connection.request({ type: "history", channel, after, limit: REPAIR_PAGE });
        if (page.messages.length === 0) break;
        for (const message of page.messages) this.#take(timeline, message);
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error; // the next push or reconnect finds the same gap
    } finally {
      this.#repairing = false;
      this.#on.changed();
    }
  }
}
