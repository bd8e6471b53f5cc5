/** The desk on the page: from its state to elements, changed in place where focus may stand. */

import { h, setText, svg } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { messageElement } from "../chat/message.js";
import { panelParts } from "../chat/panel.js";
import { durationOf, percent, score } from "../admin/words.js";

const NEAR_PX = 120;
const STATES = { bot: "The bot answers", waiting: "Waits for a human; the bot answers meanwhile" };

export class View {
  #parts;
  #desk;
  #nameOf;
  #elements = new Map();
  #shown = null;
  #panelShows = "";
  /** The reader is at the end, and is taken along as it moves. */
  #near = true;

  /** @param {(agentId: string) => string} nameOf a colleague's */
  constructor(parts, desk, nameOf) {
    this.#parts = parts;
    this.#desk = desk;
    this.#nameOf = nameOf;
    const grown = new ResizeObserver(() => this.#near && this.toEnd());
    for (const box of [parts.log, parts.messages]) grown.observe(box);
    parts.log.addEventListener("scroll", () => (this.#near = this.#atEnd()), { passive: true });
  }

  /** @param {number} nowMs the server's time */
  draw(nowMs) {
    const { current } = this.#desk;
    this.#lists(nowMs);
    this.#top(current);
    this.#messages(current);
    this.#panel(current);
  }

  #lists(nowMs) {
    const { waiting, threads } = this.#desk;
    const parts = this.#parts;
    setText(parts["waiting-count"], waiting.length === 0 ? "" : String(waiting.length));
    setText(parts["mine-count"], threads.length === 0 ? "" : String(threads.length));
    this.#rows(
      parts.waiting,
      waiting.map((item) => waitingRow(item, this.#offerOf(item))),
      "Nobody waits.",
    );
    for (const element of parts.waiting.querySelectorAll("[data-since]")) {
      setText(element, durationOf(nowMs - Number(element.dataset.since)));
    }
    for (const element of parts.waiting.querySelectorAll("[data-until]")) {
      setText(element, durationOf(Number(element.dataset.until) - nowMs));
    }
    this.#rows(
      parts.mine,
      threads.map((thread) => this.#threadRow(thread)),
      "Open or take over a conversation.",
    );
  }

  /** To whom it is offered: nobody (null), somebody by name, or `mine`. */
  #offerOf({ offered_to: to }) {
    if (to === undefined) return null;
    return { mine: to === this.#desk.me?.id, name: this.#nameOf(to) };
  }

  /** Only rows that differ are touched: one that is exchanged between press and release would lose the click. */
  #rows(list, rows, nothing) {
    const focused = document.activeElement?.dataset?.channel;
    const none = { channel: "", key: nothing, element: () => h("span", { class: "row-nothing" }, nothing) };
    const wanted = new Map((rows.length > 0 ? rows : [none]).map((row) => [row.channel, row]));
    const kept = new Map();
    for (const element of [...list.children]) {
      const { channel, key } = element.dataset;
      if (wanted.get(channel)?.key === key) kept.set(channel, element);
      else element.remove();
    }
    let before = null;
    for (const { channel, key, element } of wanted.values()) {
      const row = kept.get(channel) ?? h("li", { "data-channel": channel, "data-key": key }, element());
      const at = before === null ? list.firstChild : before.nextSibling;
      if (row !== at) list.insertBefore(row, at);
      before = row;
    }
    if (focused && document.activeElement === document.body) {
      [...list.querySelectorAll("button")].find(({ dataset }) => dataset.channel === focused)?.focus();
    }
  }

  #threadRow(thread) {
    const current = thread === this.#desk.current;
    const state = this.#desk.holds(thread) ? "Yours" : inWords(thread.state);
    const last = thread.messages.at(-1)?.text ?? "";
    const unread = current ? 0 : thread.unread;
    const { customer } = thread;
    return {
      channel: thread.channel,
      key: JSON.stringify([current, state, last, unread, customer, thread.resolved]),
      element: () =>
        h(
          "button",
          {
            type: "button",
            class: "row",
            "data-channel": thread.channel,
            "data-do": "open",
            "aria-current": current && "true",
          },
          h("span", { class: "row-top" }, h("strong", { dir: "auto" }, customer), unreadMark(unread)),
          h("span", { class: "row-note" }, thread.resolved ? `${state}, resolved` : state),
          h("span", { class: "row-text", dir: "auto" }, last),
        ),
    };
  }

  #top(thread) {
    const parts = this.#parts;
    parts["thread-top"].hidden = thread === null;
    parts.desk.dataset.open = String(thread !== null);
    if (thread === null) return;
    const own = this.#desk.holds(thread);
    const whose =
      thread.state === "claimed"
        ? own
          ? "You answer"
          : `${thread.agent?.name ?? "Somebody else"} answers`
        : STATES[thread.state];
    setText(parts["thread-name"], thread.customer);
    setText(parts["thread-state"], thread.resolved ? `${whose}. Resolved.` : `${whose}.`);
    parts.claim.hidden = thread.state === "claimed";
    parts.release.hidden = !own;
    parts.pass.hidden = !own;
    parts.resolve.hidden = !own;
    setText(parts.resolve, thread.resolved ? "Reopen" : "Resolve");
    parts.reply.hidden = !own;
  }

  #messages(thread) {
    const parts = this.#parts;
    if (thread !== this.#shown) {
      this.#near = true;
      this.#elements.clear();
      parts.messages.replaceChildren();
      this.#shown = thread;
    }
    setText(parts.nothing, thread === null ? "Choose who waits, or take the next." : thread.loaded ? "" : "Loading …");
    parts.earlier.hidden = !thread?.more;
    setText(parts.typists, thread && thread.typists.length > 0 ? `${thread.typists.join(", ")} is writing …` : "");
    if (thread === null) return;
    const items = [...thread.messages.map((message) => itemOf(message)), ...this.#desk.unsent.map(unsentItem)];
    const seen = new Set(items.map(({ id }) => id));
    for (const [id, { element }] of this.#elements)
      if (!seen.has(id)) {
        element.remove();
        this.#elements.delete(id);
      }
    let before = null;
    for (const item of items) {
      let made = this.#elements.get(item.id);
      if (made === undefined) {
        made = messageElement(item, this.#actions);
        this.#elements.set(item.id, made);
      }
      const at = before === null ? parts.messages.firstChild : before.nextSibling;
      if (made.element !== at) parts.messages.insertBefore(made.element, at);
      made.update(item);
      before = made.element;
    }
    if (this.#near) this.toEnd();
  }

  #atEnd() {
    const { log } = this.#parts;
    return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
  }

  #actions = {
    retry: (key) => this.#desk.retry(key),
    discard: (key) => this.#desk.discard(key),
  };

  /** Scroll a conversation that was just opened to its end. */
  toEnd() {
    this.#near = true;
    this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
  }

  #panel(thread) {
    const question = thread?.lastCustomerMessage ?? null;
    const analysis = question && thread.analysisOf(question.message_id);
    const shows = JSON.stringify([question?.message_id, analysis !== null, thread?.trend]);
    if (shows === this.#panelShows) return;
    this.#panelShows = shows;
    this.#parts.trend.replaceChildren(...(thread ? trendOf(thread.trend) : []));
    if (question === null || analysis === null) {
      const why =
        "Nothing was understood of this message: the model was away, or a person has answered it before this page listened.";
      return this.#parts["panel-body"].replaceChildren(h("p", { class: "panel-note" }, why));
    }
    const [, understood] = panelParts({ question, answer: null, analysis, latest: true });
    return this.#parts["panel-body"].replaceChildren(understood);
  }
}

function waitingRow(item, offer) {
  return {
    channel: item.channel,
    key: JSON.stringify([item, offer]),
    element: () =>
      h(
        "div",
        { class: offer?.mine ? "row waiting-row offered" : "row waiting-row" },
        h(
          "button",
          { type: "button", class: "row-open", "data-channel": item.channel, "data-do": "open" },
          h(
            "span",
            { class: "row-top" },
            h("strong", { "data-since": item.waiting_since_ms }),
            h("span", {}, inWords(item.reason ?? "asked")),
          ),
          h("span", { class: "row-note" }, `urgency ${percent(item.urgency)}, mood ${score(item.sentiment_score)}`),
          offer && offerNote(item, offer),
          h("span", { class: "row-text", dir: "auto" }, item.last_text ?? ""),
        ),
        h(
          "div",
          { class: "row-buttons" },
          h(
            "button",
            { type: "button", class: "button strong", "data-channel": item.channel, "data-do": "claim" },
            "Take over",
          ),
          offer?.mine
            ? h(
                "button",
                { type: "button", class: "button", "data-channel": item.channel, "data-do": "refuse" },
                "Refuse",
              )
            : null,
        ),
      ),
  };
}

function offerNote(item, { mine, name }) {
  if (!mine) return h("span", { class: "row-note", dir: "auto" }, `offered to ${name}`);
  return h("span", { class: "row-offer" }, "Offered to you for ", h("span", { "data-until": item.offered_until_ms }));
}

function unreadMark(count) {
  if (count === 0) return null;
  return h("span", { class: "unread" }, h("span", { class: "visually-hidden" }, "unread: "), String(count));
}

function itemOf(message) {
  const base = { text: message.text, atMs: message.at_ms, id: `o${message.offset}` };
  const { kind, name } = message.from;
  if (kind === "system") return { ...base, side: "system" };
  if (kind === "agent") {
    return { ...base, id: message.key ? `k${message.key}` : base.id, side: "own", state: "sent", key: message.key };
  }
  const persona = message.turn?.persona;
  return { ...base, side: "other", speaker: persona ? `${name}, ${persona}` : name, voice: persona ?? name };
}

const unsentItem = ({ key, text, atMs, state, error }) => ({
  id: `k${key}`,
  key,
  side: "own",
  text,
  atMs,
  state,
  error,
});

/** The mood of the last messages as a small line: above the middle is positive. */
function trendOf(scores) {
  if (scores.length < 2) return [];
  const [width, height] = [280, 56];
  const x = (index) => (index * width) / (scores.length - 1);
  const y = (value) => ((1 - value) * height) / 2;
  const line = scores.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const [first, last] = [scores[0], scores.at(-1)];
  const way = Math.abs(last - first) < 0.15 ? "about the same" : last > first ? "better" : "worse";
  const words = `Mood of the last ${scores.length} messages: ${way}, from ${score(first)} to ${score(last)}`;
  return [
    svg(
      "svg",
      {
        class: "trend-line",
        viewBox: `-3 -3 ${width + 6} ${height + 6}`,
        "aria-hidden": "true",
        preserveAspectRatio: "none",
      },
      svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2, class: "trend-zero" }),
      svg("polyline", { points: line }),
    ),
    h("p", { class: "trend-text" }, words),
  ];
}
