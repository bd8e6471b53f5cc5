/** The panel of alerts: what stands, what is silent, what is over; with what can be done about it. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { Panel } from "./panel.js";
import { clockOf, figure } from "./words.js";

const SHOWN = 12;
const OWN = new Set([
  ...["alert_id", "rule", "severity", "state", "at_ms", "value", "raised_at_ms", "measure", "unit", "direction"],
  ...["threshold", "meaning", "acknowledged_by", "acknowledged_at_ms", "silenced_until_ms"],
]);

/** What an alert is about besides its rule: "version nlu-1.1.0". */
export function aboutOf(alert) {
  return Object.entries(alert)
    .filter(([name, value]) => !OWN.has(name) && value !== null && typeof value !== "object")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`)
    .join(", ");
}

/** "0.44 share, above 0.4"; that something is away needs no figure */
export function valueOf({ value, unit, direction, threshold }) {
  if (!Number.isFinite(value) || unit === "0 or 1") return "";
  const bound = Number.isFinite(threshold) ? `, ${direction} ${threshold}` : "";
  return unit === undefined ? `value ${figure(value)}` : `${figure(value)} ${unit}${bound}`;
}

export class AlertPanel {
  #panel = new Panel({ key: "alerts", title: "Alerts", note: "what stands now, then what is over" });
  #actions;
  #drawn = "";

  constructor(actions) {
    this.#actions = actions;
    this.#panel.action("Silence", "Silence alerts of a rule", () => actions.silence({ rule: "*" }));
  }

  get root() {
    return this.#panel.root;
  }

  draw(alerts, silences, freshness) {
    const [standing, over] = [alerts.standing, alerts.over.slice(0, SHOWN)];
    const items = silences ?? [];
    const now = JSON.stringify([standing, over, items]);
    if (now !== this.#drawn) {
      this.#drawn = now; // what has not changed is not drawn anew: somebody may be about to press a button
      this.#panel.body.replaceChildren(
        h(
          "ul",
          { class: "entries" },
          ...standing.map((alert) => this.#standing(alert)),
          ...items.map((silence) => this.#silence(silence)),
          ...over.map((alert) => entry(alert, true, [])),
        ),
      );
    }
    const nothing = standing.length + over.length === 0;
    if (freshness.state === "live" && nothing) this.#panel.show("empty", "All is well.");
    else this.#panel.show(freshness.state, freshness.sentence);
  }

  #standing(alert) {
    const buttons = [button("Silence", `Silence ${alert.rule}`, () => this.#actions.silence(alert))];
    if (alert.acknowledged_by === undefined) {
      buttons.unshift(button("Acknowledge", `Acknowledge ${alert.rule}`, () => this.#actions.acknowledge(alert)));
    }
    return entry(alert, false, buttons);
  }

  #silence(silence) {
    const { rule, until_ms: untilMs, by, reason } = silence;
    return h(
      "li",
      { class: "entry silence" },
      h("p", { class: "entry-top" }, h("strong", {}, "silent"), h("span", {}, rule), h("span", { class: "entry-figures" }, `until ${clockOf(untilMs)}`)),
      h("p", { class: "entry-text" }, reason === "" ? `by ${by}` : `by ${by}: ${reason}`),
      h("div", { class: "entry-actions" }, button("End", `End the silence of ${rule}`, () => this.#actions.endSilence(silence))),
    );
  }
}

export function button(label, name, run) {
  return h("button", { type: "button", class: "small", "aria-label": name, onclick: run }, label);
}

function entry(alert, over, buttons) {
  const about = [aboutOf(alert), alert.meaning ?? ""].filter(Boolean).join(". ");
  const seen = alert.acknowledged_by === undefined ? "" : `seen to by ${alert.acknowledged_by}`;
  const silent = alert.silenced_until_ms === undefined ? "" : `silent until ${clockOf(alert.silenced_until_ms)}`;
  const notes = [about, seen, silent].filter(Boolean);
  return h(
    "li",
    { class: `entry alert ${over ? "over" : alert.severity}` },
    h(
      "p",
      { class: "entry-top" },
      h("strong", {}, over ? "over" : alert.severity),
      h("span", {}, inWords(alert.rule)),
      h(
        "span",
        { class: "entry-figures" },
        [valueOf(alert), `${over ? "until" : "since"} ${clockOf(over ? alert.at_ms : (alert.raised_at_ms ?? alert.at_ms))}`].filter(Boolean).join(", "),
      ),
    ),
    ...notes.map((text) => h("p", { class: "entry-text" }, text)),
    buttons.length === 0 ? null : h("div", { class: "entry-actions" }, ...buttons),
  );
}
