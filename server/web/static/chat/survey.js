/** After an agent has resolved the conversation: one to five stars and a word, asked once. */

import { h, setText } from "./dom.js";

const NAME = "parlance.surveys";
const KEEP = 100;
const STARS = 5;
const MEANINGS = ["Very bad", "Bad", "All right", "Good", "Very good"];

/**
 * What there is to rate: the word of an agent that it is resolved, while nothing came after it that says otherwise.
 * @param {readonly object[]} messages `message` frames in order
 * @returns {{channel: string, messageId: string, agent: string} | null}
 */
export function toRate(messages) {
  for (const { from, data, channel, message_id: messageId } of [...messages].reverse()) {
    if (from.kind === "customer" || data?.event === "reopened") return null;
    if (from.kind !== "system" || data?.event !== "resolved") continue;
    return data.agent ? { channel, messageId, agent: data.agent.name } : null;
  }
  return null;
}

export class Survey {
  #box;
  #kept;
  #send;
  #failed;
  #asked = null;
  #stars = 0;
  #parts = {};

  /**
   * @param {HTMLElement} box where it stands, hidden while there is nothing to ask
   * @param {import("../parlance/kept.js").Kept} kept kept for all tabs
   * @param {(rating: {channel: string, rating: number, comment?: string}) => Promise<void>} send
   * @param {(text: string) => void} failed tells a person
   */
  constructor(box, kept, send, failed) {
    this.#box = box;
    this.#kept = kept;
    this.#send = send;
    this.#failed = failed;
  }

  draw(messages) {
    const found = toRate(messages);
    const asked = found !== null && !this.#kept.get(NAME, []).includes(found.messageId) ? found : null;
    if (asked?.messageId === this.#asked?.messageId) return;
    this.#asked = asked;
    this.#stars = 0;
    this.#box.hidden = asked === null;
    this.#box.replaceChildren(...(asked === null ? [] : [this.#form(asked)]));
  }

  #form({ agent }) {
    const star = (_, index) =>
      h(
        "label",
        { class: "survey-star" },
        h("input", { type: "radio", name: "stars", value: index + 1, onchange: () => this.#choose(index + 1) }),
        h("span", { "aria-hidden": "true" }, "★"),
        h("span", { class: "visually-hidden" }, `${index + 1}, ${MEANINGS[index]}`),
      );
    const comment = h("textarea", {
      class: "survey-comment",
      rows: 2,
      maxlength: 2000,
      dir: "auto",
      id: "survey-comment",
    });
    const more = h(
      "div",
      { class: "survey-more", hidden: true },
      h("label", { class: "survey-label", for: "survey-comment" }, "Anything to add?"),
      comment,
      h("button", { type: "submit", class: "survey-send" }, "Send"),
    );
    const meaning = h("p", { class: "survey-meaning", role: "status" });
    this.#parts = { comment, more, meaning };
    return h(
      "form",
      { class: "survey-form", "aria-label": "Rate the conversation", onsubmit: (event) => this.#submit(event) },
      h(
        "fieldset",
        { class: "survey-stars" },
        h("legend", { class: "survey-label", dir: "auto" }, `How was the conversation with ${agent}?`),
        h("div", { class: "survey-row" }, ...Array.from({ length: STARS }, star), meaning),
      ),
      more,
      h("button", { type: "button", class: "link-button survey-no", onclick: () => this.#over() }, "Not now"),
    );
  }

  #choose(stars) {
    this.#stars = stars;
    this.#parts.more.hidden = false;
    setText(this.#parts.meaning, MEANINGS[stars - 1]);
    for (const [index, label] of [...this.#box.querySelectorAll(".survey-star")].entries()) {
      label.classList.toggle("lit", index < stars);
    }
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#stars === 0) return;
    const comment = this.#parts.comment.value.trim();
    const rating = {
      channel: this.#asked.channel,
      rating: (this.#stars - 1) / (STARS - 1),
      ...(comment && { comment }),
    };
    try {
      await this.#send(rating);
    } catch ({ message }) {
      return this.#failed(`The rating could not be kept: ${message}`);
    }
    this.#over();
  }

  #over() {
    this.#kept.set(NAME, [...this.#kept.get(NAME, []), this.#asked.messageId].slice(-KEEP));
    this.#asked = null;
    this.#box.hidden = true;
    this.#box.replaceChildren();
  }
}
