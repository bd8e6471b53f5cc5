/** Where the visitor writes: grows with the text, Enter sends, the draft survives a reload and a closed panel. */

import { h, setText } from "../chat/dom.js";
import { codePoints, MAX_CODE_POINTS, normalise } from "../parlance/text.js";
import { icon } from "./icons.js";

const DRAFT = "parlance.draft";

export class Composer {
  #say;
  #kept;
  #actions;
  #box;
  #send;
  #over;

  constructor({ say }, kept, actions) {
    this.#say = say;
    this.#kept = kept;
    this.#actions = actions;
    const texts = { "aria-label": say("message"), placeholder: say("placeholder"), "aria-describedby": "over" };
    this.#box = h("textarea", { rows: "1", dir: "auto", enterkeyhint: "send", ...texts });
    this.#send = h("button", { class: "send", "aria-label": say("send"), title: say("send") }, icon("send"));
    this.#over = h("p", { class: "over", id: "over", role: "status" });
    this.element = h(
      "form",
      { class: "composer", "aria-label": say("message"), novalidate: true },
      this.#over,
      this.#box,
      this.#send,
    );
    this.#box.value = kept.get(DRAFT, "");
    this.#box.addEventListener("input", () => this.#changed(true));
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#changed(false);
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  /** The box could not be measured while it was not shown. */
  shown() {
    this.#fit();
  }

  /** Enter that ends a composition (Japanese, Chinese …) belongs to the input method. */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    if (this.#length() > MAX_CODE_POINTS || !this.#actions.say(this.#box.value)) return;
    this.#box.value = "";
    this.#changed(false);
    this.focus();
  }

  #length() {
    return codePoints(normalise(this.#box.value));
  }

  #changed(typed) {
    const length = this.#length();
    const over = length - MAX_CODE_POINTS;
    this.#kept.set(DRAFT, this.#box.value);
    this.#send.disabled = length === 0 || over > 0;
    this.#box.toggleAttribute("aria-invalid", over > 0);
    setText(this.#over, over > 0 ? this.#say("tooLong", { n: over }) : "");
    if (typed) this.#actions.typing(length > 0);
    this.#fit();
  }

  #fit() {
    this.#box.style.setProperty("height", "auto");
    this.#box.style.setProperty("height", `${this.#box.scrollHeight}px`);
  }
}
