/** What customers thought of it and how conversations ended, day by day; and whose conversations they had rated. */

import { h } from "../chat/dom.js";
import { Chart } from "./chart.js";
import { csvOf } from "./history.js";
import { Panel } from "./panel.js";
import { redraw, table } from "./tables.js";
import { dayOf, percent, whole } from "./words.js";

const share = (name, colour, key) => ({ name, colour, read: (one) => one[key], tell: percent });
const SERIES = [
  share("4 or 5 stars", "--series-1", "satisfaction"),
  share("thumbs up", "--series-2", "thumbs"),
  share("resolved alone", "--series-4", "success"),
  share("handed over", "--series-3", "handoff"),
];
const COUNTS = ["ratings", "thumbs_up", "thumbs_down", "resolved", "handed_over"];
const EXPORTED = [...SERIES, ...COUNTS.map((name) => ({ name, read: (one) => one[name] }))];

/** Stars from 1 to 5, as customers gave them. */
const starsOf = (mean) => (Number.isFinite(mean) ? (1 + 4 * mean).toFixed(1) : "–");

export class OutcomesPanel {
  #panel = new Panel({
    key: "outcomes",
    title: "Satisfaction and outcomes",
    note: "of fourteen days (UTC): ratings of conversations, thumbs on answers, and how conversations ended",
  });
  #chart;
  #root = h("div", { class: "chart" });
  #below = h("div", {});
  #shown = [];
  #drawn = null;

  constructor(save) {
    this.#panel.body.append(this.#root, this.#below);
    this.#chart = new Chart(this.#root, {
      label: "Satisfaction and outcomes, shares by day",
      tell: percent,
      bounds: [0, 1],
      tick: dayOf,
      moment: dayOf,
      points: true,
    });
    this.#panel.action("CSV", "Satisfaction and outcomes as CSV", () =>
      save("parlance-outcomes.csv", new Blob([csvOf(this.#shown, EXPORTED)], { type: "text/csv" })),
    );
    this.#panel.action("PNG", "Satisfaction and outcomes as a picture", async () =>
      save("parlance-outcomes.png", await this.#chart.picture("Satisfaction and outcomes")),
    );
  }

  get root() {
    return this.#panel.root;
  }

  /** @param {object | null} value null where nothing is known */
  draw(value, freshness) {
    const now = JSON.stringify(value);
    if (value !== null && now !== this.#drawn) {
      this.#drawn = now;
      this.#shown = value.items;
      this.#chart.draw(SERIES, columnsOf(value), [value.fromMs, value.fromMs + 13.5 * value.spanMs]);
      redraw(this.#below, [sums(value), agents(value)].filter(Boolean));
    }
    this.#root.hidden = this.#shown.length === 0;
    const empty = freshness.state === "live" && this.#shown.length === 0;
    this.#panel.show(empty ? "empty" : freshness.state, empty ? "Nobody has rated and no conversation has ended in this time." : freshness.sentence);
  }
}

/** A day without anything is a gap. */
function columnsOf({ items, fromMs, spanMs }) {
  const byStart = new Map(items.map((one) => [one.at_ms, one]));
  const starts = Array.from({ length: 14 }, (_, place) => fromMs + place * spanMs);
  return [starts.map((atMs) => atMs / 1_000), ...SERIES.map(({ read }) => starts.map((atMs) => read(byStart.get(atMs) ?? {}) ?? null))];
}

function sums({ items }) {
  if (items.length === 0) return null;
  const sum = (key) => items.reduce((total, one) => total + one[key], 0);
  const rated = items.filter(({ ratings }) => ratings > 0);
  const mean = rated.reduce((total, one) => total + one.rating_mean * one.ratings, 0) / sum("ratings");
  const [up, down, resolved, handed] = COUNTS.slice(1).map(sum);
  const facts = [
    ["Ratings", `${whole(sum("ratings"))}, mean ${starsOf(mean)} of 5`],
    ["Thumbs", `${whole(up)} up, ${whole(down)} down`],
    ["Ended", `${whole(resolved)} resolved alone, ${whole(handed)} handed over`],
  ];
  return h("dl", { class: "facts" }, ...facts.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

/** Of thirty days: what the survey after a human's help collects. */
function agents({ agents: rated }) {
  if (rated.length === 0) return null;
  const rows = rated.map(({ agent_id: id, name, count, mean, satisfied }) => [name ?? id, whole(count), starsOf(mean), percent(satisfied)]);
  return table(["Agent, 30 days", "Ratings", "Mean of 5", "4 or 5 stars"], rows);
}
