/** Who somebody is, as the page around the chat says: by a token that its own back end has signed. */

/** A function of the page that never answers must not keep the chat waiting for ever. */
const ANSWER_WITHIN_MS = 20_000;

/** Nobody is signed in, or the page keeps giving a token that was refused: trying again helps nobody. */
export class SignInNeeded extends Error {
  constructor(message = "A sign-in is needed to chat here.") {
    super(message);
    this.name = "SignInNeeded";
  }
}

/** Speaks as `Credentials` does. */
export class Identity {
  #source;
  #guest;
  #token = null;
  #refused = null;

  /**
   * @param {string | null | (() => string | null | Promise<string | null>)} source a JWT, or what fetches one: it is
   *   asked at the first connect, and again when a token was refused or has expired. Null: nobody is signed in.
   * @param {import("./credentials.js").Credentials | null} guest who nobody is then; null: nobody may chat unknown
   */
  constructor(source, guest = null) {
    this.#source = source;
    this.#guest = guest;
  }

  get token() {
    return this.#token ?? this.#guest?.token ?? null;
  }

  /** Somebody has signed in or out. Then `Connection.reconnect`. */
  change(source) {
    this.#source = source;
    this.#token = this.#refused = null;
  }

  // what Connection asks of its credentials

  /** A guest's. */
  store(token) {
    this.#guest?.store(token);
  }

  drop(token) {
    if (token !== this.#token) return this.#guest?.drop(token);
    this.#refused = token;
    this.#token = null;
    return undefined;
  }

  /** @throws {SignInNeeded} and whatever the page's function throws */
  async claim() {
    this.#token ??= await this.#ask();
    if (this.#token !== null) return { token: this.#token, release() {} };
    if (this.#guest === null) throw new SignInNeeded();
    return this.#guest.claim();
  }

  async #ask() {
    const given = typeof this.#source === "function" ? await inTime(this.#source()) : this.#source;
    const token = given || null;
    // somebody known must not become a guest because their token is too old
    if (token !== null && token === this.#refused) throw new SignInNeeded("Your sign-in has expired.");
    return token;
  }
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the page gave no token in time")), ANSWER_WITHIN_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
