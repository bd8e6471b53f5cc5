/** The user's token, shared by all tabs: two tabs are the same user. */

const TOKEN = "parlance.token";
const LOCK = "parlance.guest";
/** A tab that hangs while it becomes a guest must not keep the others waiting. */
const LOCK_WITHIN_MS = 3_000;

export class Credentials {
  #store;
  #locks;

  /**
   * @param {import("./kept.js").Kept} store kept for all tabs
   * @param {LockManager} [locks] missing where the page is not served securely
   */
  constructor(store, locks = globalThis.navigator?.locks) {
    this.#store = store;
    this.#locks = locks;
  }

  static get storageKey() {
    return TOKEN;
  }

  get token() {
    return this.#store.get(TOKEN, null);
  }

  store(token) {
    this.#store.set(TOKEN, token);
  }

  /** Forget `token`, unless another tab has already put a newer one there. */
  drop(token) {
    if (this.token === token) this.#store.remove(TOKEN);
  }

  /**
   * The token to connect with. Where there is none, one tab at a time becomes a guest, so that tabs opened together
   * don't become two users.
   * @returns {Promise<{token: string | null, release: () => void}>} release: the token is stored, or none came
   */
  async claim() {
    const nothing = () => {};
    if (this.token !== null || !this.#locks) return { token: this.token, release: nothing };
    const release = await this.#lock().catch(() => nothing);
    return { token: this.token, release };
  }

  #lock() {
    return new Promise((granted, refused) => {
      const held = () => new Promise((release) => granted(release));
      this.#locks.request(LOCK, { signal: AbortSignal.timeout(LOCK_WITHIN_MS) }, held).catch(refused);
    });
  }
}
