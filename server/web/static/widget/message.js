/** One message of the widget. Built once, then changed in place, so that focus and selection stay. */

import { h, setText } from "../chat/dom.js";
import { withLinks } from "../parlance/text.js";
import { icon } from "./icons.js";

/** Of links that a bot or another person has written, the page around must neither be told nor be left. */
const AWAY = { target: "_blank", rel: "noopener noreferrer nofollow" };

/** @returns {{element: HTMLElement, update: (item: object) => void}} */
export function messageElement(item, words, actions) {
  return { own, other, system, draft, day: system }[item.side](item, words, actions);
}

function bubble(text) {
  const pieces = withLinks(text).map(({ text: shown, href }) =>
    href === null ? shown : h("a", { href, ...AWAY }, shown),
  );
  return h("div", { class: "bubble" }, ...pieces);
}

function system({ side, text }) {
  const element = h("p", { class: side }, text);
  return { element, update: (now) => setText(element, now.text) };
}

function time(item) {
  return h("time", { datetime: new Date(item.atMs).toISOString() }, item.time);
}

function own(item, { say }, actions) {
  const state = h("span", {});
  const repair = h(
    "span",
    { class: "repair" },
    h("button", { type: "button", class: "link", onclick: () => actions.retry(item.key) }, say("retry")),
    h("button", { type: "button", class: "link", onclick: () => actions.discard(item.key) }, say("remove")),
  );
  const foot = h("div", { class: "foot" }, repair, time(item), state);
  const element = h(
    "article",
    { class: "message own" },
    h("span", { class: "hidden" }, say("you")),
    bubble(item.text),
    foot,
  );
  const update = (now) => {
    element.dataset.state = now.state;
    repair.hidden = now.state !== "failed";
    setText(
      state,
      now.state === "sent"
        ? ""
        : [say(now.state === "failed" ? "failed" : "sending"), now.error].filter(Boolean).join(": "),
    );
  };
  return { element, update };
}

function other(item, words, actions) {
  const thumbs = item.rated ? rating(item, words, actions) : null;
  const chips = h("div", { class: "chips", role: "group", "aria-label": words.say("suggestions") });
  const head = h("header", { class: "head" }, h("span", { class: "speaker", dir: "auto" }, item.speaker), time(item));
  const element = h(
    "article",
    { class: "message other" },
    head,
    bubble(item.text),
    sources(item.citations, words),
    thumbs?.element ?? null,
    chips,
  );
  const update = (now) => {
    thumbs?.update(now);
    suggest(chips, now.suggestions, actions);
  };
  return { element, update };
}

/** Words as they come; who listens instead of reading hears the whole message when it is there. */
function draft(item) {
  const text = h("div", { class: "bubble" }, item.text);
  const element = h("article", { class: "message other draft", "aria-hidden": "true" }, text);
  return { element, update: (now) => setText(text, now.text) };
}

function sources(citations, { say }) {
  if (citations.length === 0) return null;
  const one = ({ title, href }) => h("li", { dir: "auto" }, href ? h("a", { href, ...AWAY }, title) : title);
  const list = h("ul", {}, ...citations.map(one));
  return h("details", { class: "sources" }, h("summary", {}, `${say("sources")} (${citations.length})`), list);
}

function rating({ messageId }, { say }, actions) {
  const thumb = (value, name) => {
    const about = {
      class: "thumb",
      "aria-label": say(name),
      title: say(name),
      onclick: () => actions.rate(messageId, value),
    };
    return h("button", { type: "button", ...about }, icon("up", value === 0));
  };
  const [up, down] = [thumb(1, "good"), thumb(0, "bad")];
  const update = (now) => {
    up.setAttribute("aria-pressed", String(now.rating === 1));
    down.setAttribute("aria-pressed", String(now.rating === 0));
  };
  return { element: h("div", { class: "foot" }, up, down), update };
}

function suggest(chips, texts, actions) {
  const wanted = texts.join("\n");
  if (chips.dataset.shown === wanted) return;
  chips.dataset.shown = wanted;
  chips.hidden = texts.length === 0;
  chips.replaceChildren(...texts.map((text) => chip(text, actions)));
}

/** A button that says its text for the visitor. */
export function chip(text, actions) {
  return h("button", { type: "button", class: "chip", dir: "auto", onclick: () => actions.say(text) }, text);
}
