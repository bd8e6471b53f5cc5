/** Says how the connection is, once and calmly; the countdown is for the eye only. */

import { setText } from "./dom.js";

const WORDS = {
  idle: "Connecting",
  connecting: "Connecting",
  online: "Online",
  waiting: "Offline",
  stopped: "Disconnected",
};

export class Status {
  #parts;
  #clock;
  #ticker = null;
  #state = null;

  /**
   * @param {Object<string, HTMLElement>} parts
   * @param {{now: () => number}} clock the connection's
   * @param {{now: () => void, anew: () => void}} retry
   */
  constructor(parts, clock, retry) {
    this.#parts = parts;
    this.#clock = clock;
    parts["trouble-retry"].addEventListener("click", () =>
      this.#state.state === "stopped" ? retry.anew() : retry.now(),
    );
  }

  /** While it comes back, `connecting` between two tries still reads as offline: words that flicker help nobody. */
  show(state) {
    this.#state = state;
    const { status, "status-text": text, trouble } = this.#parts;
    const lost = state.state === "waiting" || (state.state === "connecting" && state.attempt > 0);
    const shown = lost ? "waiting" : state.state;
    status.dataset.state = shown;
    setText(text, WORDS[shown]);
    trouble.hidden = !lost && state.state !== "stopped";
    if (!trouble.hidden) this.#explain(state, lost);
    clearInterval(this.#ticker);
    if (state.state === "waiting") this.#ticker = setInterval(() => this.#count(), 250);
    this.#count();
  }

  #explain(state, lost) {
    const { "trouble-text": text, "trouble-retry": retry } = this.#parts;
    const calm = "No connection. What you write is kept and sent as soon as it is back.";
    setText(text, state.sentence || (lost ? calm : "The connection has ended."));
    text.classList.toggle("final", !lost);
    setText(retry, lost ? "Try now" : "Connect again");
    retry.hidden = state.forced || state.state === "connecting";
  }

  #count() {
    const { "trouble-countdown": countdown } = this.#parts;
    const { state, retryAt } = this.#state;
    const leftS = Math.ceil((retryAt - this.#clock.now()) / 1_000);
    if (state === "waiting" && leftS > 0) setText(countdown, `Next try in ${leftS} s.`);
    else setText(countdown, state === "connecting" || state === "waiting" ? "Trying …" : "");
  }
}
