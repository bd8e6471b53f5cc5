/** The panels that are charts of the figures. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { speakAs } from "../chat/voice.js";
import { Chart } from "./chart.js";
import { rewardOf } from "./figures.js";
import { csvOf } from "./history.js";
import { Panel } from "./panel.js";
import { percent, score } from "./words.js";

/** Draws one of `CHARTS`. */
export class ChartPanel {
  #what;
  #panel;
  #chart;
  #table = null;
  #shown = { samples: [], series: [] };

  constructor(what, save) {
    this.#what = what;
    this.#panel = new Panel(what);
    if (what.key === "personas") this.#panel.body.append((this.#table = h("div", { class: "personas" })));
    const root = h("div", { class: "chart" });
    this.#panel.body.append(root);
    this.#chart = new Chart(root, { label: `${what.title}, ${what.note}`, tell: what.tell, bounds: what.bounds });
    this.#panel.action("CSV", `${what.title} as CSV`, () => {
      const { samples, series } = this.#shown;
      save(`parlance-${what.key}.csv`, new Blob([csvOf(samples, series)], { type: "text/csv" }));
    });
    this.#panel.action("PNG", `${what.title} as a picture`, async () =>
      save(`parlance-${what.key}.png`, await this.#chart.picture(what.title)),
    );
  }

  get root() {
    return this.#panel.root;
  }

  /** @param {{state: string, sentence: string}} freshness of all figures */
  draw(history, [fromMs, toMs], freshness) {
    const samples = history.between(fromMs, toMs);
    const series = this.#what.seriesOf(samples);
    this.#shown = { samples, series };
    const columns = history.columns(
      fromMs,
      toMs,
      series.map(({ read }) => read),
    );
    if (this.#table !== null) this.#table.replaceChildren(...personaRows(samples.at(-1)));
    this.#chart.draw(series, columns, [fromMs, toMs]);
    const silent = freshness.state === "live" && !columns.slice(1).some((column) => column.some(Boolean));
    this.#panel.show(silent ? "empty" : freshness.state, silent ? this.#what.nothing : freshness.sentence);
  }
}

/** Share and reward of each persona now, the most heard first. */
function personaRows(figures) {
  const personas = Object.entries(figures?.personas ?? {}).sort(([, one], [, other]) => other.share - one.share);
  if (personas.length === 0) return [];
  const row = ([name, { share }]) => {
    const bar = h("span", { class: "persona-bar", "aria-hidden": "true" }, h("span", {}));
    bar.firstChild.style.width = `${Math.round(share * 100)}%`;
    const element = h(
      "tr",
      {},
      h("th", { scope: "row" }, h("span", { class: "persona-mark", "aria-hidden": "true" }), inWords(name)),
      h("td", { class: "persona-share" }, bar, percent(share)),
      h("td", { class: "number" }, score(rewardOf(figures, name))),
    );
    speakAs(element, name);
    return element;
  };
  const head = ["Persona", "Share", "Reward"].map((text) => h("th", { scope: "col" }, text));
  return [h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...personas.map(row)))];
}
