/** One message on the page. Built once, then changed in place, so that focus and selection stay. */

import { withLinks } from "../parlance/text.js";
import { h, icon, setText } from "./dom.js";
import { inWords, momentOf, timeOf } from "./format.js";
import { speakAs, voiceprint } from "./voice.js";

const STATES = {
  pending: { icon: "clock", text: "Sending" },
  sent: { icon: "check", text: "Sent" },
  failed: { icon: "alert", text: "Not sent" },
};

/**
 * @typedef {object} Item what `view.js` makes of a message or of an entry of the outbox
 * @property {string} id
 * @property {"own" | "other" | "system" | "draft"} side
 * @property {string} text
 * @property {number} atMs
 * @property {boolean} follows the same side spoke just before
 * @property {"pending" | "sent" | "failed"} [state] own ones
 * @property {string} [error]
 * @property {string} [speaker]
 * @property {string} [voice]
 * @property {string} [messageId] of an answer that can be rated
 * @property {string | null} [question] the message that it answers
 * @property {0 | 1 | null} [rating]
 * @property {boolean} [newest] the last answer: it says in words what the earlier ones say by an icon
 * @property {boolean} [shown] whether the panel shows it
 * @property {string[]} [suggestions]
 */

/** @returns {{element: HTMLElement, update: (item: Item) => void}} */
export function messageElement(item, actions) {
  return { own, other, system, draft }[item.side](item, actions);
}

function time(item) {
  return h("time", { datetime: new Date(item.atMs).toISOString(), title: momentOf(item.atMs) }, timeOf(item.atMs));
}

function bubble(text) {
  const pieces = withLinks(text).map(({ text: shown, href }) =>
    href === null ? shown : h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, shown),
  );
  return h("div", { class: "bubble", dir: "auto" }, ...pieces);
}

function system(item) {
  const element = h("p", { class: "system" }, item.text, time(item));
  return { element, update: () => {} };
}

function own(item, actions) {
  const id = item.key;
  const sign = h("span", { class: "state" });
  const repair = h(
    "span",
    { class: "repair" },
    h("button", { type: "button", class: "link-button", onclick: () => actions.retry(id) }, "Try again"),
    h("button", { type: "button", class: "link-button", onclick: () => actions.discard(id) }, "Remove"),
  );
  const said = h("span", { class: "visually-hidden" }, "You:");
  const element = h(
    "article",
    { class: "message own" },
    said,
    bubble(item.text),
    h("div", { class: "foot" }, repair, time(item), sign),
  );
  let state = null;
  const update = (now) => {
    element.classList.toggle("follows", now.follows);
    if (now.state === state) return;
    state = now.state;
    for (const name of Object.keys(STATES)) element.classList.toggle(name, name === state);
    repair.hidden = state !== "failed";
    const reason = state === "failed" && now.error ? `Not sent: ${now.error}` : STATES[state].text;
    const shown = h("span", { class: state === "failed" ? "" : "visually-hidden" }, reason);
    sign.title = reason;
    sign.replaceChildren(icon(STATES[state].icon), shown);
  };
  return { element, update };
}

function other(item, actions) {
  const speaker = h("span", { class: "speaker" }, item.speaker);
  const head = h("header", { class: "head" }, speaker, time(item));
  const foot = item.messageId ? rating(item, actions) : null;
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Suggested answers" });
  const mark = h("span", { class: "voiceprint", "aria-hidden": "true" }, voiceprint(item.voice));
  const element = h("article", { class: "message other" }, head, mark, bubble(item.text), foot?.element ?? null, chips);
  speakAs(element, item.voice);
  const update = (now) => {
    element.classList.toggle("follows", now.follows);
    element.classList.toggle("newest", Boolean(now.newest));
    foot?.update(now);
    suggest(chips, now.suggestions ?? [], actions);
  };
  return { element, update };
}

/** Words as they come; who listens instead of reading hears the whole message when it is there. */
function draft(item) {
  const head = h("header", { class: "head" }, h("span", { class: "speaker" }, "Writing"));
  const mark = h("span", { class: "voiceprint" }, voiceprint("parlance"));
  const text = document.createTextNode(item.text);
  const body = h("div", { class: "bubble", dir: "auto" }, text);
  const element = h("article", { class: "message other draft", "aria-hidden": "true" }, head, mark, body);
  speakAs(element, "parlance");
  const update = (now) => {
    if (text.data !== now.text) text.data = now.text;
  };
  return { element, update };
}

function rating({ messageId, speaker }, actions) {
  const thumb = (value, name, label) =>
    h(
      "button",
      {
        type: "button",
        class: "thumb",
        "aria-pressed": "false",
        "aria-label": label,
        title: label,
        onclick: () => actions.rate(messageId, value),
      },
      icon(name),
    );
  const up = thumb(1, "thumb-up", "Good answer");
  const down = thumb(0, "thumb-down", "Bad answer");
  const why = h(
    "button",
    {
      type: "button",
      class: "why",
      "aria-expanded": "false",
      "aria-controls": "panel",
      title: "Why this voice?",
      onclick: () => actions.explain(messageId, why),
    },
    icon("bars"),
    h("span", { class: "why-text" }, "Why this voice?"),
  );
  why.setAttribute("aria-label", `Why this voice? ${inWords(speaker)}`);
  const update = (now) => {
    up.setAttribute("aria-pressed", String(now.rating === 1));
    down.setAttribute("aria-pressed", String(now.rating === 0));
    why.setAttribute("aria-expanded", String(Boolean(now.shown)));
  };
  return { element: h("div", { class: "foot" }, up, down, why), update };
}

function suggest(chips, suggestions, actions) {
  const wanted = suggestions.join("\n");
  if (chips.dataset.shown === wanted) return;
  chips.dataset.shown = wanted;
  chips.hidden = suggestions.length === 0;
  chips.replaceChildren(...suggestions.map((text) => chip(text, actions)));
}

/** A button that says its text for the person. */
export function chip(text, actions) {
  return h("button", { type: "button", class: "chip", onclick: () => actions.say(text) }, text);
}

/** The line between two days. */
export function dayElement(text) {
  const element = h("p", { class: "day" }, text);
  return { element, update: (item) => setText(element, item.text) };
}
