/** The HTTP API in the name of whoever is signed in. No DOM. */

/** What the server says is wrong, or that it can't be reached: `message` is for a person to read. */
export class ApiError extends Error {
  constructor(message, code = 0) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

export class Api {
  #session;
  #fetch;

  /** @param {{token: string | null}} session */
  constructor(session, fetcher = globalThis.fetch.bind(globalThis)) {
    this.#session = session;
    this.#fetch = fetcher;
  }

  /** @param {Object<string, unknown>} query what is null, undefined or "" is left out */
  get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const asked = new URLSearchParams(given).toString();
    return this.#ask("GET", asked === "" ? path : `${path}?${asked}`);
  }

  post(path, body = {}) {
    return this.#ask("POST", path, body);
  }

  put(path, body = {}) {
    return this.#ask("PUT", path, body);
  }

  async #ask(method, path, body) {
    const headers = { authorization: `Bearer ${this.#session.token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    let answer;
    try {
      answer = await this.#fetch(path, { method, headers, body: body && JSON.stringify(body) });
    } catch {
      throw new ApiError("The server can't be reached.");
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok)
      throw new ApiError(told.detail ?? told.title ?? `The server answered ${answer.status}.`, answer.status);
    return told;
  }
}

export const conversationPath = (channel, rest) => `v1/conversations/${encodeURIComponent(channel)}/${rest}`;
