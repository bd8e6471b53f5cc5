/**
 * An answer in the making: the text of its `delta` frames, until its message comes.
 *
 * A delta that is lost leaves its attempt as it was; one that is met in the middle is not shown at all. The message
 * brings the whole in either case.
 */

/** Nobody writes on at one that has not moved for so long: its worker has died. */
const LAPSE_MS = 60_000;

export class Draft {
  #clock;
  #changed;
  #lapse = null;
  #current = null;

  /** @param {{setTimeout: Function, clearTimeout: Function}} clock @param {() => void} changed it lapsed */
  constructor(clock, changed) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** @returns {{messageId: string, text: string} | null} */
  get shown() {
    const draft = this.#current;
    return draft && draft.text.trim() !== "" ? { messageId: draft.messageId, text: draft.text } : null;
  }

  /** A `delta` frame. */
  take({ message_id: messageId, attempt, seq, text = "", aborted = false }) {
    if (aborted) return this.end(messageId);
    const before = this.#current;
    if (before?.messageId !== messageId || attempt > before.attempt) {
      if (before?.messageId === messageId || seq === 0) this.#current = { messageId, attempt, next: 0, text: "" };
      else return undefined;
    }
    const draft = this.#current;
    if (attempt === draft.attempt && seq === draft.next) {
      draft.text += text;
      draft.next += 1;
    }
    this.#clock.clearTimeout(this.#lapse);
    this.#lapse = this.#clock.setTimeout(() => {
      this.#current = null;
      this.#changed();
    }, LAPSE_MS);
    return undefined;
  }

  /** Its message is here, or none will come. Without an id: whatever there is. */
  end(messageId = this.#current?.messageId) {
    if (this.#current?.messageId !== messageId) return;
    this.#clock.clearTimeout(this.#lapse);
    this.#current = null;
  }
}
