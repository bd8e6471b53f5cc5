/** The REST API with the page's token. Errors say what the server said. */

export class RestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class Rest {
  #session;
  #base;

  /** @param {{token: string | null}} session @param {string | URL} base where paths begin */
  constructor(session, base = document.baseURI) {
    this.#session = session;
    this.#base = base;
  }

  get(path) {
    return this.send("GET", path);
  }

  /** @returns {Promise<object | null>} null where there is nothing to tell */
  async send(method, path, body) {
    let answer;
    try {
      answer = await fetch(new URL(path, this.#base), {
        method,
        headers: {
          authorization: `Bearer ${this.#session.token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
      });
    } catch {
      throw new RestError("The server can't be reached.", 0);
    }
    const text = await answer.text();
    let told = null;
    try {
      told = text === "" ? null : JSON.parse(text);
    } catch {
      // a proxy's page: the status says enough
    }
    if (!answer.ok) throw new RestError(told?.detail ?? told?.message ?? `The server answered ${answer.status}.`, answer.status);
    return told;
  }
}
