/**
 * One user's connection to the server: dials, says `connect`, keeps the link honest, comes back by itself.
 *
 * No DOM. Socket class, clock and random generator are arguments. Events (see `on`):
 *   state    {state, attempt, retryAt, forced, sentence, code}
 *            state: "idle"|"connecting"|"online"|"waiting"|"stopped"; retryAt in the clock's milliseconds; forced: the
 *            server named the delay, so nothing shortens it; code: the close code that led there, 0 where none did
 *   welcome  the `welcome` frame
 *   push     every frame that answers no request; also under its own type (`message`, `delta`, `typing` …)
 */

import { fullJitterMs } from "./backoff.js";
import { afterClose, closeCodeOf, LOST, UNAUTHENTICATED } from "./close_codes.js";
import { JSON_CODEC } from "./codec.js";
import { Emitter } from "./emitter.js";
import { SignInNeeded } from "./identity.js";
import { RequestError, Requests } from "./requests.js";

const CONNECT_WITHIN_MS = 10_000;
const ANSWER_WITHIN_MS = 15_000;
const PONG_WITHIN_MS = 8_000;
const PROBE_WITHIN_MS = 4_000;
/** Up for this long, a connection counts as good and the back-off starts over. */
const STABLE_AFTER_MS = 5_000;

/** Events of our own: a frame of such a type would be taken for one of them. */
const OWN_EVENTS = new Set(["state", "welcome", "push"]);

export const systemClock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => globalThis.setTimeout(run, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer),
};

export class Connection extends Emitter {
  #url;
  #client;
  #credentials;
  #resume;
  #codec;
  #Socket;
  #clock;
  #random;
  #requests;
  #socket = null;
  #state = { state: "idle", attempt: 0, retryAt: 0, forced: false, sentence: "", code: 0 };
  #attempt = 0;
  #goodbye = null;
  #token = null;
  #renewals = 0;
  #release = () => {};
  #timers = { retry: null, connect: null, watch: null, stable: null };
  #heardAt = 0;
  #maxMessageBytes = 131_072;
  #pingIntervalMs = 25_000;

  /**
   * @param {object} options
   * @param {string} options.url ws: or wss:
   * @param {{name: string, version: string}} options.client
   * @param {import("./credentials.js").Credentials} options.credentials
   * @param {() => Object<string, {epoch: string, offset: number}>} options.resume positions, asked at every connect
   * @param {import("./codec.js").Codec} [options.codec] the encoding; JSON unless said otherwise
   */
  constructor({
    url,
    client,
    credentials,
    resume,
    codec = JSON_CODEC,
    Socket = globalThis.WebSocket,
    clock = systemClock,
    random = Math.random,
  }) {
    super();
    if (Socket === undefined)
      throw new TypeError("There is no WebSocket here: hand one in. Node has its own from 22 on.");
    this.#url = url;
    this.#client = client;
    this.#credentials = credentials;
    this.#resume = resume;
    this.#codec = codec;
    this.#Socket = Socket;
    this.#clock = clock;
    this.#random = random;
    this.#requests = new Requests(clock);
  }

  get state() {
    return this.#state;
  }

  get online() {
    return this.#state.state === "online";
  }

  start() {
    if (this.#state.state === "idle" || this.#state.state === "stopped") this.#dial();
  }

  /** Another tab has put another token into the store: leave, and come back as that user. */
  tokenChanged() {
    const { token } = this.#credentials;
    if (token !== null && token !== this.#token) this.reconnect();
  }

  /** Leave and come back at once, as whoever the credentials now say. */
  reconnect() {
    if (this.#state.state === "idle") return;
    this.#drop();
    this.#attempt = this.#renewals = 0;
    this.#dial();
  }

  /** Leave and stay away until the next `start`. */
  stop() {
    this.#drop();
    this.#attempt = this.#renewals = 0;
    this.#enter("idle");
  }

  /** Something says that the network changed: test the link, or try at once unless the server named the delay. */
  probe() {
    if (this.online) this.#ping(PROBE_WITHIN_MS);
    else if (this.#state.state === "waiting" && !this.#state.forced) this.#dial();
  }

  /**
   * Send a frame and wait for its answer.
   * @returns {Promise<object>} rejects with RequestError
   */
  request(frame, withinMs = ANSWER_WITHIN_MS) {
    if (!this.online) return Promise.reject(RequestError.disconnected());
    return this.#ask(frame, withinMs);
  }

  /** Send a frame that has no answer; lost where there is no connection. */
  tell(frame) {
    if (this.online) this.#socket.send(this.#codec.encode(frame));
  }

  #ask(frame, withinMs) {
    const [id, answer] = this.#requests.begin(withinMs);
    try {
      const message = this.#codec.encode({ ...frame, id });
      if (this.#codec.bytes(message) <= this.#maxMessageBytes) this.#socket.send(message);
      else this.#refuse(id, 413, "too_large", "The message is too large.");
    } catch (error) {
      this.#refuse(id, 400, "bad_frame", error.message);
    }
    return answer;
  }

  /** As the server would. */
  #refuse(id, code, name, message) {
    this.#requests.answer({ id, type: "error", code, name, message });
  }

  #enter(state, more = {}) {
    this.#state = { state, attempt: this.#attempt, retryAt: 0, forced: false, sentence: "", code: 0, ...more };
    this.emit("state", this.#state);
  }

  #set(name, run, ms) {
    this.#clock.clearTimeout(this.#timers[name]);
    this.#timers[name] = this.#clock.setTimeout(run, ms);
  }

  async #dial() {
    this.#clock.clearTimeout(this.#timers.retry);
    this.#goodbye = null;
    this.#enter("connecting");
    const mine = {};
    this.#socket = mine; // a later dial or drop makes this one void, also while it waits for the lock
    try {
      const { token, release } = await this.#credentials.claim();
      if (this.#socket !== mine) return release();
      this.#release = release;
      this.#token = token;
    } catch (error) {
      return this.#socket === mine ? this.#unknown(error) : undefined;
    }
    return this.#open(new this.#Socket(this.#url, [this.#codec.subprotocol]));
  }

  /** There is no token to come with: for good, or because whoever makes them could not be reached. */
  #unknown(error) {
    this.#socket = null;
    if (!(error instanceof SignInNeeded)) return this.#wait(`The sign-in failed: ${error.message}`, 0);
    return this.#enter("stopped", { sentence: error.message, code: UNAUTHENTICATED });
  }

  #open(socket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const current = (run) => (event) => this.#socket === socket && run(event);
    socket.onopen = current(() => this.#hello());
    socket.onmessage = current(({ data }) => this.#receive(data));
    socket.onclose = current(({ code }) => this.#closed(code));
    this.#set("connect", () => this.#lose(LOST), CONNECT_WITHIN_MS);
  }

  #hello() {
    const frame = { type: "connect", client: this.#client, resume: this.#resume() };
    if (this.#token) frame.token = this.#token;
    this.#ask(frame, CONNECT_WITHIN_MS).catch((error) => error.code && this.#refused(error));
  }

  #welcomed(welcome) {
    this.#requests.answer(welcome);
    if (welcome.token) {
      this.#token = welcome.token;
      this.#credentials.store(welcome.token);
    }
    this.#release();
    this.#clock.clearTimeout(this.#timers.connect);
    this.#renewals = 0;
    this.#maxMessageBytes = welcome.max_message_bytes ?? this.#maxMessageBytes;
    this.#pingIntervalMs = welcome.ping_interval_ms ?? this.#pingIntervalMs;
    this.#set("stable", () => (this.#attempt = 0), STABLE_AFTER_MS);
    this.#watch();
    this.#enter("online");
    this.emit("welcome", welcome);
  }

  #refused(error) {
    if (error.retryAfterMs) this.#goodbye = { after_ms: error.retryAfterMs };
    this.#lose(closeCodeOf(error.code));
  }

  #receive(data) {
    this.#heardAt = this.#clock.now();
    let parsed;
    try {
      parsed = this.#codec.decode(data);
    } catch {
      return console.warn("parlance: a message that can't be decoded was ignored");
    }
    for (const frame of Array.isArray(parsed) ? parsed : [parsed]) this.#handle(frame);
  }

  #handle(frame) {
    if (frame.type === "goodbye") this.#goodbye = frame;
    else if (frame.type === "welcome")
      this.#welcomed(frame); // at once: what follows in the same batch builds on it
    else if (frame.id === undefined || frame.id === null || !this.#requests.answer(frame)) this.#push(frame);
  }

  #push(frame) {
    this.emit("push", frame);
    if (!OWN_EVENTS.has(frame.type)) this.emit(frame.type, frame);
  }

  /** A half-open link looks alive until something is sent: silence for one interval asks for a `pong`. */
  #watch() {
    const socket = this.#socket;
    const look = async () => {
      const silentMs = this.#clock.now() - this.#heardAt;
      if (silentMs >= this.#pingIntervalMs) await this.#ping(PONG_WITHIN_MS);
      if (this.#socket === socket) this.#set("watch", look, this.#heardAt + this.#pingIntervalMs - this.#clock.now());
    };
    this.#set("watch", look, this.#pingIntervalMs);
  }

  async #ping(withinMs) {
    const socket = this.#socket;
    try {
      await this.#ask({ type: "ping" }, withinMs);
    } catch (error) {
      if (error.reason === "timeout" && this.#socket === socket) this.#lose(LOST);
    }
  }

  #lose(code) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close?.();
    this.#closed(code);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    for (const timer of Object.values(this.#timers)) this.#clock.clearTimeout(timer);
    socket?.close?.();
    this.#release();
    this.#requests.abandon();
  }

  #closed(code) {
    this.#drop();
    const { verdict, sentence } = afterClose(code);
    if (verdict === "stop") return this.#enter("stopped", { sentence, code });
    if (verdict === "renew") return this.#renew(sentence);
    return this.#wait(sentence, code);
  }

  /** Without a token there is nothing to renew: this server takes no guests. */
  #renew(sentence) {
    if (this.#token === null) {
      const why = "This server takes no guests: a sign-in is needed.";
      return this.#enter("stopped", { sentence: why, code: UNAUTHENTICATED });
    }
    this.#credentials.drop(this.#token);
    this.#renewals += 1;
    return this.#renewals === 1 ? this.#dial() : this.#wait(sentence, UNAUTHENTICATED);
  }

  #wait(sentence, code) {
    const forced = this.#goodbye !== null;
    const delayMs = forced ? Math.max(0, this.#goodbye.after_ms) : fullJitterMs(this.#attempt, this.#random);
    this.#attempt += 1;
    this.#set("retry", () => this.#dial(), delayMs);
    this.#enter("waiting", { retryAt: this.#clock.now() + delayMs, forced, sentence, code });
  }
}
