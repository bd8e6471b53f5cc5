/** The admin's token, for this tab only. Speaks as `Credentials` does, but asks a person where there is none. */

import { Emitter } from "../parlance/emitter.js";

const TOKEN = "parlance.admin.token";

/** Events: `asked` {sentence}: somebody must sign in, and why. */
export class Session extends Emitter {
  #kept;
  #waiting = null;
  #sentence = "";

  /** @param {import("../parlance/kept.js").Kept} kept kept for this tab */
  constructor(kept) {
    super();
    this.#kept = kept;
  }

  get token() {
    return this.#kept.get(TOKEN, null);
  }

  /** @returns {boolean} whether the connection was waiting for it, and goes on by itself */
  signIn(token) {
    this.#kept.set(TOKEN, token);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.({ token, release() {} });
    return waiting !== null;
  }

  /** Forget the token; `sentence` is what whoever signs in next should know. */
  signOut(sentence = "") {
    this.#kept.remove(TOKEN);
    this.#sentence = sentence;
  }

  // what Connection asks of its credentials

  store(token) {
    this.#kept.set(TOKEN, token);
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
