/** The panels that are lists: who waits for a human, and alerts. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { Panel } from "./panel.js";
import { aboutOf } from "../parlance/waiting.js";
import { clockOf, durationOf, percent, score } from "./words.js";

const SHOWN = 12;

export class QueuePanel {
  #panel = new Panel({
    key: "queue",
    title: "Waiting for a human",
    note: "the longest wait first",
  });

  get root() {
    return this.#panel.root;
  }

  draw(queue, nowMs, freshness) {
    const { items } = queue;
    const shown = items.slice(0, SHOWN).map((item) =>
      h(
        "li",
        { class: "entry" },
        h(
          "p",
          { class: "entry-top" },
          h("strong", {}, durationOf(nowMs - item.waiting_since_ms)),
          h("span", {}, inWords(item.reason ?? "asked")),
          h("span", { class: "entry-figures" }, `urgency ${percent(item.urgency)}, mood ${score(item.sentiment_score)}`),
        ),
        h("p", { class: "entry-text", dir: "auto" }, item.last_text ?? ""),
      ),
    );
    const more = items.length > SHOWN ? [h("li", { class: "entry more" }, `and ${items.length - SHOWN} more`)] : [];
    this.#panel.body.replaceChildren(h("ul", { class: "entries" }, ...shown, ...more));
    if (freshness.state === "live" && items.length === 0) this.#panel.show("empty", "Nobody waits.");
    else this.#panel.show(freshness.state, freshness.sentence);
  }
}

export class AlertPanel {
  #panel = new Panel({ key: "alerts", title: "Alerts", note: "what stands now, then what is over" });

  get root() {
    return this.#panel.root;
  }

  draw(alerts, freshness) {
    const over = alerts.over.slice(0, SHOWN);
    const entries = [...alerts.standing.map((alert) => entry(alert, false)), ...over.map((alert) => entry(alert, true))];
    this.#panel.body.replaceChildren(h("ul", { class: "entries" }, ...entries));
    if (freshness.state === "live" && entries.length === 0) this.#panel.show("empty", "All is well.");
    else this.#panel.show(freshness.state, freshness.sentence);
  }
}

function entry(alert, over) {
  const about = aboutOf(alert);
  const value = Number.isFinite(alert.value) ? `value ${score(alert.value)}` : "";
  return h(
    "li",
    { class: `entry alert ${over ? "over" : alert.severity}` },
    h(
      "p",
      { class: "entry-top" },
      h("strong", {}, over ? "over" : alert.severity),
      h("span", {}, inWords(alert.rule)),
      h("span", { class: "entry-figures" }, [value, `${over ? "until" : "since"} ${clockOf(alert.at_ms)}`].filter(Boolean).join(", ")),
    ),
    about === "" ? null : h("p", { class: "entry-text" }, about),
  );
}
