/**
 * A user's connection for programs: bots, back ends, apps with a screen of their own. `Chat` is for one conversation
 * that is shown.
 *
 * It comes back by itself, resumes every channel it is subscribed to, hands each message over once and in order, and
 * keeps what is sent while it is away. Events (see `on`), besides those of the protocol's pushes by their type:
 *   state    as of `Connection`
 *   welcome  the `welcome` frame, after `missed` and `message` of what came meanwhile
 *   message  a `message` frame that was not heard before
 *   missed   {channel, epoch, offset, error}   not all that came meanwhile can be given: ask `history`, or leave it
 *   acked    {key, ack}, failed {key, error}   of what was sent; also of what an earlier run left in the storage
 */

import { JSON_CODEC } from "./codec.js";
import { Connection, systemClock } from "./connection.js";
import { Credentials } from "./credentials.js";
import { Delivery } from "./delivery.js";
import { Emitter } from "./emitter.js";
import { Identity } from "./identity.js";
import { Kept } from "./kept.js";
import { MSGPACK_CODEC } from "./msgpack.js";
import { Outbox } from "./outbox.js";
import { Positions } from "./positions.js";
import { freshKey, normalise } from "./text.js";

const CODECS = { json: JSON_CODEC, msgpack: MSGPACK_CODEC };

export class Client extends Emitter {
  #connection;
  #positions = new Positions();
  #outbox;
  #delivery;
  #waiting = new Map();
  #wallMs;
  #ready;
  user = null;

  /**
   * @param {string} url ws: or wss:, with the path: `wss://chat.example/ws`
   * @param {object} [options]
   * @param {string | (() => string | null | Promise<string | null>)} [options.token] a JWT, or what fetches one;
   *   without it a guest, where the server takes guests
   * @param {"json" | "msgpack"} [options.encoding]
   * @param {{name: string, version: string}} [options.client] who the server's log shall say it is
   * @param {Storage | null} [options.storage] keeps a guest's token and what is unsent over a restart; null: nothing is
   */
  constructor(url, options = {}) {
    super();
    const { token = null, encoding = "json", client = { name: "parlance-js", version: "1" }, storage = null } = options;
    const { WebSocket: Socket, clock = systemClock, random = Math.random, wallMs = Date.now } = options;
    const codec = CODECS[encoding];
    if (codec === undefined) throw new TypeError(`encoding ${JSON.stringify(encoding)}: it is "json" or "msgpack"`);
    const kept = new Kept(() => storage);
    const guest = token === null ? new Credentials(kept) : null;
    const credentials = new Identity(token, guest);
    const resume = () => this.#positions.all;
    this.#wallMs = wallMs;
    this.#connection = new Connection({ url, client, credentials, resume, codec, Socket, clock, random });
    this.#outbox = new Outbox(kept);
    this.#delivery = this.#deliveryWith(clock, random);
    this.#listen();
  }

  /** `connect.state` of the link. */
  get state() {
    return this.#connection.state;
  }

  get online() {
    return this.#connection.online;
  }

  /** @returns {readonly import("./outbox.js").Entry[]} what was sent and is not acked, of one channel */
  unsent(channel) {
    return this.#outbox.of(channel);
  }

  /**
   * Connect, and stay connected until `close`.
   * @returns {Promise<object>} the first `welcome`; rejects where the server refuses for good
   */
  connect() {
    this.#ready ??= new Promise((resolve, reject) => {
      const off = [
        this.on("welcome", (frame) => done(resolve, frame)),
        this.on("state", ({ state, sentence }) => {
          if (state === "stopped" || state === "idle") done(reject, new Error(sentence || "The client was closed."));
        }),
      ];
      const done = (settle, value) => {
        for (const stop of off) stop();
        settle(value);
      };
    });
    this.#connection.start();
    return this.#ready;
  }

  /** Leave. What was sent and not acked waits for the next `connect`. */
  close() {
    this.#connection.stop();
    this.#ready = undefined;
  }

  /** The network changed, or the machine woke up: test the link, or try at once. */
  probe() {
    this.#connection.probe();
  }

  /** Any frame that has an answer, `id` left out. @returns {Promise<object>} rejects with RequestError */
  request(frame, withinMs) {
    return this.#connection.request(frame, withinMs);
  }

  /** `typing` and `receipt`: no answer, and lost while away. */
  tell(frame) {
    this.#connection.tell(frame);
  }

  /** A conversation of one's own, by one's own name for it; the same name finds it again. @returns {Promise<object>} */
  async open(key = freshKey(), metadata = undefined) {
    const opened = await this.request({ type: "open", key, metadata });
    this.#positions.start(opened.channel, opened);
    return opened;
  }

  /** @returns {Promise<object>} `subscribed` */
  async subscribe(channel) {
    const subscribed = await this.request({ type: "subscribe", channel, ...this.#positions.all[channel] });
    this.#began(subscribed);
    return subscribed;
  }

  async unsubscribe(channel) {
    this.#positions.end(channel);
    return this.request({ type: "unsubscribe", channel });
  }

  /** @returns {Promise<object>} a `history` page. `before`, `after`: exclusive offsets; neither: the newest */
  history(channel, { before, after, limit = 50 } = {}) {
    return this.request({ type: "history", channel, before, after, limit });
  }

  /**
   * Send a message, now or as soon as there is a connection; repeated with its key until it is acked.
   * @returns {Promise<object>} `ack`; rejects with RequestError where the server refuses it
   */
  send(channel, text, { key = freshKey(), data, reply_to } = {}) {
    const more = data === undefined && reply_to === undefined ? undefined : { data, reply_to };
    this.#outbox.add(channel, key, normalise(text), this.#wallMs(), more);
    const acked = new Promise((resolve, reject) => this.#waiting.set(key, { resolve, reject }));
    acked.catch(() => {}); // whoever does not wait for it hears `failed`
    this.#delivery.flush();
    return acked;
  }

  #deliveryWith(clock, random) {
    const settle = (key, how, value) => {
      this.#outbox.remove(key);
      this.#waiting.get(key)?.[how](value);
      this.#waiting.delete(key);
    };
    return new Delivery({
      outbox: this.#outbox,
      connection: this.#connection,
      clock,
      random,
      channelOf: async (channel) => channel,
      acked: ({ key }, ack) => {
        settle(key, "resolve", ack);
        this.emit("acked", { key, ack });
      },
      failed: ({ key }, error) => {
        settle(key, "reject", error);
        this.emit("failed", { key, error });
      },
      changed: () => {},
    });
  }

  #listen() {
    this.#connection.on("state", (state) => this.emit("state", state));
    this.#connection.on("welcome", (frame) => this.#welcomed(frame));
    this.#connection.on("push", (frame) => {
      if (frame.type === "message") this.#heard(frame);
      else this.emit(frame.type, frame);
    });
  }

  #welcomed(frame) {
    this.user = frame.user;
    for (const [channel, entry] of Object.entries(frame.channels ?? {})) this.#began({ channel, ...entry });
    this.emit("welcome", frame);
    this.#delivery.flush();
  }

  /** What a subscription begins with. Channels that are no conversation have nothing to miss. */
  #began({ channel, error = null, recovered, epoch, offset, messages = [] }) {
    if (error !== null) {
      this.#positions.end(channel);
      return this.emit("missed", { channel, epoch: null, offset: null, error });
    }
    const before = this.#positions.all[channel];
    for (const message of messages) this.#heard(message);
    this.#positions.start(channel, { epoch, offset });
    const whole = recovered || before === undefined || (before.epoch === epoch && before.offset === offset);
    return whole ? undefined : this.emit("missed", { channel, epoch, offset, error: null });
  }

  #heard(message) {
    if (this.#positions.take(message)) this.emit("message", message);
  }
}

/**
 * @param {string} url
 * @param {object} [options] as of `Client`
 * @returns {Promise<Client>} connected
 */
export async function connect(url, options) {
  const client = new Client(url, options);
  try {
    await client.connect();
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}
