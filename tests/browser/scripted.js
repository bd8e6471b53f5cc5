// A socket and a clock that a test moves by hand. No test code waits for real time.

export class ManualClock {
  #nowMs = 0;
  #timers = new Map();
  #last = 0;

  now() {
    return this.#nowMs;
  }

  setTimeout(run, ms) {
    this.#timers.set(++this.#last, { at: this.#nowMs + ms, run });
    return this.#last;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  /** Run what falls due within `ms`, in order, with all that it causes. */
  async advance(ms) {
    const until = this.#nowMs + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#nowMs = next[1].at;
      this.#timers.delete(next[0]);
      next[1].run();
      await settle();
    }
    this.#nowMs = until;
    await settle();
  }

  #next(until) {
    return [...this.#timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0];
  }
}

/** Let every promise that is ready run. */
export const settle = () =>
  new Promise((done) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close(); // an open port would keep Node running
      done();
    };
    channel.port2.postMessage(null);
  });

export function scripted() {
  const sockets = [];
  class ScriptedSocket {
    sent = [];
    closed = false;

    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      sockets.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.closed = true;
    }

    async opens() {
      this.onopen?.({});
      await settle();
    }

    async says(...frames) {
      this.onmessage?.({ data: JSON.stringify(frames.length === 1 ? frames[0] : frames) });
      await settle();
    }

    async ends(code) {
      this.onclose?.({ code });
      await settle();
    }

    last(type) {
      return this.sent.findLast((frame) => frame.type === type);
    }
  }
  return { Socket: ScriptedSocket, sockets };
}

export function memory() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, text) => items.set(name, text),
    removeItem: (name) => items.delete(name),
  };
}

export function welcome(id, more = {}) {
  return {
    type: "welcome",
    id,
    session: "s",
    user: { id: "u1", kind: "customer", name: "Guest" },
    ping_interval_ms: 25_000,
    max_message_bytes: 131_072,
    time_ms: Date.now(),
    server: { name: "parlance", version: "0" },
    notifications: [],
    unread: 0,
    channels: {},
    ...more,
  };
}
