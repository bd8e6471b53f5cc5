/** What no article answers well, what many ask, and how much of it is answered. */

import { h } from "../../chat/dom.js";
import { inWords } from "../../chat/format.js";
import { button } from "../alerts.js";
import { ask } from "../dialog.js";
import { actionsOf, mark, table, TablePanel } from "../tables.js";
import { percent, score, whole } from "../words.js";
import { select } from "./articles.js";

const STATES = [["open", "Open"], ["draft_written", "Draft written"], ["resolved", "Resolved"], ["", "All"]];
const day = new Intl.DateTimeFormat(navigator.language, { day: "numeric", month: "short", timeZone: "UTC" });
const DAYS_SHOWN = 14;

const nameOf = ({ name, gap }) => name || `Gap ${gap}, not named yet`;
const counted = (count, one, many) => `${whole(count)} ${count === 1 ? one : many}`;

function examplesOf(examples) {
  return h("ul", { class: "quoted" }, ...examples.map((text) => h("li", { dir: "auto" }, text)));
}

export class GapsPanel {
  #rest;
  #told;
  #changed;
  #open;
  #panel;
  #state = select("Gaps shown", STATES);
  #heard = [null, { state: "stale", sentence: "" }];

  /** @param {(sentence: string) => void} told @param {() => void} changed @param {(article: string) => void} open */
  constructor(rest, told, changed, open) {
    [this.#rest, this.#told, this.#changed, this.#open] = [rest, told, changed, open];
    this.#panel = new TablePanel({
      key: "gaps",
      title: "Gaps",
      note: "what customers asked in 30 days and got no good answer to, the most pressing first",
      nothing: "There is no such gap.",
      rows: ({ items }) => (items.length === 0 ? [] : [h("ul", { class: "entries" }, ...items.map((one) => this.#gap(one)))]),
    });
    this.#panel.root.querySelector(".panel-actions").append(this.#state);
    this.#state.addEventListener("input", () => this.draw(...this.#heard));
  }

  get root() {
    return this.#panel.root;
  }

  draw(value, freshness) {
    this.#heard = [value, freshness];
    const state = this.#state.value;
    this.#panel.draw(value === null ? null : { items: value.items.filter((one) => state === "" || one.state === state) }, freshness);
  }

  #gap(one) {
    const { gap, state, article, troubled, troubles, people, impact, priority, examples } = one;
    const went = Object.entries(troubles).map(([what, count]) => `${whole(count)} ${what.replaceAll("_", " ")}`);
    return h(
      "li",
      { class: "entry" },
      h(
        "p",
        { class: "entry-top" },
        h("strong", { dir: "auto" }, nameOf(one)),
        state === "open" ? null : mark(inWords(state).toLowerCase(), state === "resolved" ? "good" : ""),
        h("span", { class: "entry-figures" }, `priority ${score(priority)}`),
      ),
      h(
        "p",
        { class: "entry-text" },
        `${counted(troubled, "question", "questions")} by ${counted(people, "person", "people")}: ${went.join(", ")}; impact ${impact === undefined ? "unknown" : percent(impact)}`,
      ),
      examplesOf(examples),
      actionsOf(
        article === undefined ? null : button("Open the article", `Open ${article}, written for ${nameOf(one)}`, () => this.#open(article)),
        state === "open" ? button("Write a draft", `Write a draft for ${nameOf(one)}`, () => this.#draft(gap, one)) : null,
        state === "resolved"
          ? button("Open again", `Open ${nameOf(one)} again`, () => this.#set(one, "open"))
          : button("Resolved", `Mark ${nameOf(one)} as resolved`, () => this.#set(one, "resolved")),
      ),
    );
  }

  async #draft(gap, one) {
    const { done, result } = await ask({
      title: `Write an article for “${nameOf(one)}”`,
      text: "A draft is begun that these questions find. Its text is yours to write; before that it can't become active.",
      fields: [
        { name: "article", label: "Its id", maxlength: 64, hint: "small letters, digits and -; empty: made of the gap's name. Or that of an article that is there." },
        { name: "category", label: "Category", maxlength: 64, hint: "of a new article, such as orders" },
      ],
      button: "Begin",
      run: ({ article, category }) => this.#rest.send("POST", `v1/knowledge/gaps/${gap}/draft`, { article: article || null, category: category || null }),
    });
    if (!done) return;
    this.#changed();
    this.#open(result.article);
  }

  async #set(one, state) {
    const closes = state === "resolved";
    const { done } = await ask({
      title: closes ? `Is “${nameOf(one)}” resolved?` : `Open “${nameOf(one)}” again?`,
      text: closes ? "Two later questions that go wrong open it again." : "Two later questions that are solved close it.",
      button: closes ? "Resolved" : "Open again",
      run: () => this.#rest.send("PUT", `v1/knowledge/gaps/${one.gap}/state`, { state }),
    });
    if (!done) return;
    this.#told(closes ? `${nameOf(one)} is resolved.` : `${nameOf(one)} is open again.`);
    this.#changed();
  }
}

export function faqPanel(open) {
  return new TablePanel({
    key: "faq",
    title: "What many ask",
    note: "by at least three people in seven days, answered or not",
    nothing: "Nothing was asked by three people in seven days.",
    rows: ({ items }) => (items.length === 0 ? [] : [h("ul", { class: "entries" }, ...items.map((one) => frequent(one, open)))]),
  });
}

function frequent(one, open) {
  const { people, questions, answered, articles, examples } = one;
  return h(
    "li",
    { class: "entry" },
    h(
      "p",
      { class: "entry-top" },
      h("strong", { dir: "auto" }, nameOf(one)),
      h("span", {}, `${counted(people, "person", "people")}, ${counted(questions, "question", "questions")}`),
      h("span", { class: "entry-figures" }, `${percent(questions === 0 ? null : answered / questions)} answered`),
    ),
    examplesOf(examples),
    articles.length === 0
      ? null
      : h(
          "ul",
          { class: "chips" },
          ...articles.map(({ article, answers }) => h("li", { class: "chip" }, `${article}, ${answers}×`, button("Open", `Open ${article}`, () => open(article)))),
        ),
  );
}

export function coveragePanel() {
  return new TablePanel({
    key: "coverage",
    title: "Coverage",
    note: "the share of questions answered from an article, by day (UTC)",
    nothing: "Nobody has asked anything in 30 days.",
    rows: ({ days }) => [
      table(
        ["Day", "Answered", "Offered", "Solved", "Hand-offs", "Questions"],
        days
          .slice(-DAYS_SHOWN)
          .reverse()
          .map(({ day_ms: at, questions, answered, offered, solved, handoffs }) => {
            const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
            bar.firstChild.style.width = `${Math.round((answered / questions) * 100)}%`;
            return [day.format(at), h("span", { class: "bar-cell" }, bar, percent(answered / questions)), whole(offered), whole(solved), whole(handoffs), whole(questions)];
          }),
      ),
    ],
  });
}
