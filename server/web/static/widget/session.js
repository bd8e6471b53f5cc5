/**
 * The visitor's chat: nothing is opened on the server before somebody wants to talk, and what is kept lies in the
 * embedding page's own storage, under the server's name.
 *
 * No DOM. Events: `change`; `state` as of Connection; `notice` {text}; `message` the frame, of others, when it is new.
 */

import { Chat } from "../parlance/chat.js";
import { Connection } from "../parlance/connection.js";
import { Credentials } from "../parlance/credentials.js";
import { Emitter } from "../parlance/emitter.js";
import { Identity } from "../parlance/identity.js";
import { Kept } from "../parlance/kept.js";

const CLIENT = { name: "widget", version: "1.0" };
const BEGUN = "parlance.begun";
const IDLE = { state: "idle", attempt: 0, forced: false, sentence: "", code: 0 };

export class Session extends Emitter {
  #config;
  #prefix;
  #identity;
  #connection = null;
  #wasOnline = false;
  chat = null;

  /** @param {object} config as of `configOf` @param {string | null | Function} source of tokens, as of Identity */
  constructor(config, source) {
    super();
    this.#config = config;
    this.#prefix = `${config.host}/`;
    this.shared = new Kept(() => localStorage, this.#prefix);
    this.own = new Kept(() => sessionStorage, this.#prefix);
    this.#identity = new Identity(source, config.identityRequired ? null : new Credentials(this.shared));
  }

  /** Whether somebody has chatted here before, or has said who they are. Whoever only looked costs no connection. */
  get begun() {
    return this.shared.get(BEGUN, null) !== null;
  }

  get state() {
    return this.#connection?.state ?? IDLE;
  }

  /** Whether the server has ever let this page in. */
  get wasOnline() {
    return this.#wasOnline;
  }

  /** @param {object} known of the visitor, which goes to the agents with the conversation */
  start(known = {}) {
    if (this.chat !== null) return;
    if (Object.keys(known).length > 0) this.shared.set(BEGUN, true);
    const metadata = { ...this.#config.metadata, ...known, page: location.origin + location.pathname };
    this.#connection = new Connection({
      url: this.#config.socket,
      client: CLIENT,
      credentials: this.#identity,
      resume: () => this.chat.positions(),
    });
    this.chat = new Chat({ connection: this.#connection, shared: this.shared, own: this.own, metadata });
    this.#listen();
    this.#connection.start();
    this.emit("change");
  }

  /** Somebody signed in or out, or became somebody else. */
  identify(source) {
    this.#identity.change(source);
    this.#connection?.reconnect();
  }

  /** Leave nothing of this visitor in the browser. @param {null | Function} source as of `identify`, for the next one */
  forget(source) {
    this.#connection?.stop();
    this.#identity.change(source);
    this.chat = this.#connection = null;
    for (const open of [() => localStorage, () => sessionStorage]) {
      try {
        for (const name of Object.keys(open()))
          if (name.startsWith(`${this.#prefix}parlance.`)) open().removeItem(name);
      } catch {
        // forbidden storage keeps nothing
      }
    }
    this.emit("state", IDLE);
    this.emit("change");
  }

  /** The network may have changed. */
  probe() {
    this.#connection?.probe();
  }

  /** Somebody does not want to wait, or wants to begin again after the end. */
  tryNow() {
    if (this.state.state === "stopped") this.#connection.start();
    else this.probe();
  }

  /** `storage` events of other tabs. */
  otherTab(key) {
    if (this.chat === null || !key?.startsWith(this.#prefix)) return;
    const name = key.slice(this.#prefix.length);
    const { conversation, ratings } = Chat.storageKeys;
    if (name === Credentials.storageKey) this.#connection.tokenChanged();
    else if (name === conversation || name === ratings) this.chat.refresh();
  }

  #listen() {
    const connection = this.#connection;
    const { chat } = this;
    connection.on("welcome", () => (this.#wasOnline = true));
    connection.on("state", (state) => this.emit("state", state));
    connection.on("message", (message) => {
      if (!chat.isOwn(message) && message.from.kind !== "system") this.emit("message", message);
    });
    chat.on("change", () => {
      if (!this.begun && chat.messages.length + chat.unsent.length > 0) this.shared.set(BEGUN, true);
      this.emit("change");
    });
    chat.on("notice", (notice) => this.emit("notice", notice));
  }
}
