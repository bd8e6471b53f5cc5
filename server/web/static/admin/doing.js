/** A change to the server: asked first, done over REST, told, and undone where it can be. */

import { toast } from "../chat/toasts.js";
import { ask } from "./dialog.js";

export class Doing {
  #toasts;
  #changed;

  /** @param {(source: string) => void} changed hears which source is to be asked again */
  constructor(rest, toasts, changed) {
    this.rest = rest;
    this.#toasts = toasts;
    this.#changed = changed;
  }

  /**
   * `undo` gets the values that were given and what the server answered.
   * @returns {Promise<unknown>} what the server answered; null where the question was left
   */
  async do({ source, said, undo = null, ...question }) {
    const { done, values, result } = await ask(question);
    if (!done) return null;
    this.#changed(source);
    const action = undo === null ? null : { label: "Undo", run: () => this.#undo(source, () => undo(values, result)) };
    toast(this.#toasts, typeof said === "function" ? said(values, result) : said, action);
    return result;
  }

  async #undo(source, run) {
    try {
      await run();
      toast(this.#toasts, "Undone.");
    } catch (error) {
      toast(this.#toasts, `It could not be undone: ${error.message}`);
    }
    this.#changed(source);
  }
}
