/** Where one writes: grows with the text, Enter sends, the draft survives a reload. */

import { codePoints, MAX_CODE_POINTS, normalise } from "../parlance/text.js";
import { count } from "./format.js";

const DRAFT = "parlance.draft";
const COUNT_FROM = MAX_CODE_POINTS * 0.9;

const tooMany = (over) => `${count(over)} character${over === 1 ? "" : "s"} too many`;

export class Composer {
  #parts;
  #kept;
  #say;

  /**
   * @param {Object<string, HTMLElement>} parts
   * @param {import("../parlance/kept.js").Kept} kept for this tab
   * @param {(text: string) => boolean} say
   */
  constructor(parts, kept, say) {
    this.#parts = parts;
    this.#kept = kept;
    this.#say = say;
    const { message, composer } = parts;
    message.value = kept.get(DRAFT, "");
    message.addEventListener("input", () => this.#changed());
    message.addEventListener("keydown", (event) => this.#key(event));
    composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#changed();
  }

  focus() {
    this.#parts.message.focus({ preventScroll: true });
  }

  /** Enter that ends a composition (Japanese, Chinese …) belongs to the input method. */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const { message } = this.#parts;
    if (this.#length() > MAX_CODE_POINTS || !this.#say(message.value)) return;
    message.value = "";
    this.#changed();
    this.focus();
  }

  #length() {
    return codePoints(normalise(this.#parts.message.value));
  }

  #changed() {
    const { message, send, counter } = this.#parts;
    this.#kept.set(DRAFT, message.value);
    message.style.setProperty("height", "auto");
    message.style.setProperty("height", `${message.scrollHeight}px`);
    const length = this.#length();
    const over = length - MAX_CODE_POINTS;
    send.disabled = length === 0 || over > 0;
    counter.hidden = length < COUNT_FROM;
    counter.classList.toggle("over", over > 0);
    message.toggleAttribute("aria-invalid", over > 0);
    counter.textContent = over > 0 ? tooMany(over) : `${count(length)} of ${count(MAX_CODE_POINTS)}`;
  }
}
