/** The panel of who waits for a human. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { Panel } from "./panel.js";
import { durationOf, percent, score } from "./words.js";

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
