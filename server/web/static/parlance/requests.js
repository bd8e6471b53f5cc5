/** Requests under way on one connection: each frame with an `id` gets exactly one answer, or a RequestError. */

/** An `error` frame, or the reason why no answer came. `temporary`: the same request may succeed later. */
export class RequestError extends Error {
  constructor({ code = 0, name = "internal", message = "", temporary = false, retry_after_ms: retryAfterMs = null }) {
    super(message || name);
    this.name = "RequestError";
    this.code = code;
    this.reason = name;
    this.temporary = temporary;
    this.retryAfterMs = retryAfterMs;
  }

  static disconnected() {
    return new RequestError({ name: "disconnected", message: "The connection was lost.", temporary: true });
  }

  static timeout() {
    return new RequestError({ name: "timeout", message: "The server did not answer in time.", temporary: true });
  }
}

export class Requests {
  #open = new Map();
  #lastId = 0;
  #clock;

  /** @param {{setTimeout: Function, clearTimeout: Function}} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @returns {[number, Promise<object>]} the id to send with the frame, and its answer */
  begin(timeoutMs) {
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(
        () => this.#settle(id, ({ reject }) => reject(RequestError.timeout())),
        timeoutMs,
      );
      this.#open.set(id, { resolve, reject, timer });
    });
    return [id, answer];
  }

  /** Hand a frame to the request it answers. False where nobody waits for it. */
  answer(frame) {
    return this.#settle(frame.id, ({ resolve, reject }) => {
      if (frame.type === "error") reject(new RequestError(frame));
      else resolve(frame);
    });
  }

  /** The connection is gone: what was asked may or may not have been done. */
  abandon() {
    for (const id of [...this.#open.keys()]) this.#settle(id, ({ reject }) => reject(RequestError.disconnected()));
  }

  #settle(id, how) {
    const waiting = this.#open.get(id);
    if (!waiting) return false;
    this.#open.delete(id);
    this.#clock.clearTimeout(waiting.timer);
    how(waiting);
    return true;
  }
}
