/** The token of an agent or admin, for this tab only. Speaks as `Credentials` does, but asks a person where there is none. */

import { Emitter } from "./emitter.js";

/** Events: `asked` {sentence}: somebody must sign in, and why. */
export class StaffSession extends Emitter {
  #kept;
  #name;
  #waiting = null;
  #sentence = "";

  /**
   * @param {import("./kept.js").Kept} kept kept for this tab
   * @param {string} page whose token it is: one person may be an agent and an admin
   */
  constructor(kept, page) {
    super();
    this.#kept = kept;
    this.#name = `parlance.${page}.token`;
  }

  get token() {
    return this.#kept.get(this.#name, null);
  }

  /** @returns {boolean} whether the connection was waiting for it, and goes on by itself */
  signIn(token) {
    this.#kept.set(this.#name, token);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.({ token, release() {} });
    return waiting !== null;
  }

  /** Forget the token; `sentence` is what whoever signs in next should know. */
  signOut(sentence = "") {
    this.#kept.remove(this.#name);
    this.#sentence = sentence;
  }

  // what Connection asks of its credentials

  store(token) {
    this.#kept.set(this.#name, token);
  }

  drop(token) {
    if (this.token === token) this.signOut("The server does not accept this token: it is wrong, or has expired.");
  }

  claim() {
    const { token } = this;
    if (token !== null) return Promise.resolve({ token, release() {} });
    this.emit("asked", { sentence: this.#sentence });
    return new Promise((signedIn) => (this.#waiting = signedIn));
  }
}

/** A token in the address's fragment never reaches a server, and is gone from the address at once. */
export function takeTokenFromAddress(session) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  session.store(token);
}
