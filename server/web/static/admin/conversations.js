/** The list of live conversations, and one of them opened, its turns explained. */

import { h, setText } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { TablePanel } from "./tables.js";
import { clockOf, percent, score } from "./words.js";

export function conversationsPanel(open) {
  return new TablePanel({
    key: "conversations",
    title: "Live conversations",
    note: "with a customer's word in the last hour; open one to see why the bot said what it said",
    nothing: "Nobody has written to the bot in the last hour.",
    rows: ({ items }) => (items.length === 0 ? [] : [h("ul", { class: "entries" }, ...items.map((one) => row(one, open)))]),
  });
}

function row(one, open) {
  const { customer, state, messages, text, at_ms: atMs, analysis } = one;
  const felt = analysis === undefined ? "" : `${inWords(analysis.intent ?? "")}, mood ${score(analysis.sentiment?.score)}`;
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "entry live", onclick: () => open(one) },
      h(
        "span",
        { class: "entry-top" },
        h("strong", {}, customer.name),
        h("span", {}, state === "bot" ? `${messages} messages` : state),
        h("span", { class: "entry-figures" }, clockOf(atMs)),
      ),
      h("span", { class: "entry-text", dir: "auto" }, text),
      felt === "" ? null : h("span", { class: "entry-note" }, felt),
    ),
  );
}

/** The opened conversation, beside or over the page. */
export class TurnsDrawer {
  #rest;
  #dialog;
  #list = h("ol", { class: "turns" });
  #title = h("h2", { class: "dialog-title", id: "turns-title" });
  #state = h("p", { class: "panel-state", role: "status" });
  #channel = null;

  constructor(rest) {
    this.#rest = rest;
    const close = h("button", { type: "button", class: "button", onclick: () => this.#dialog.close() }, "Close");
    const again = h("button", { type: "button", class: "button", onclick: () => this.#load() }, "Ask again");
    this.#dialog = h(
      "dialog",
      { class: "dialog turns-dialog", "aria-labelledby": "turns-title" },
      h("header", { class: "turns-top" }, this.#title, again, close),
      this.#state,
      this.#list,
    );
    document.body.append(this.#dialog);
  }

  async open({ channel, customer }) {
    this.#channel = channel;
    setText(this.#title, `${customer.name}, turn by turn`);
    this.#list.replaceChildren();
    this.#dialog.showModal();
    await this.#load();
  }

  async #load() {
    const channel = this.#channel;
    this.#show("Asking the server.");
    try {
      const { items } = await this.#rest.get(`v1/conversations/${encodeURIComponent(channel)}/turns?limit=20`);
      if (channel !== this.#channel) return;
      this.#list.replaceChildren(...items.toReversed().map(turn));
      this.#show(items.length === 0 ? "No turn was answered yet." : "");
    } catch (error) {
      this.#show(error.message);
    }
  }

  #show(sentence) {
    setText(this.#state, sentence);
    this.#state.hidden = sentence === "";
  }
}

function turn({ at_ms: atMs, text, analysis, answer, decision }) {
  return h(
    "li",
    { class: "turn" },
    h("p", { class: "turn-said", dir: "auto" }, h("span", { class: "turn-who" }, `Customer, ${clockOf(atMs)}`), text),
    analysis === undefined ? h("p", { class: "entry-note" }, "It was not understood.") : understood(analysis),
    answer === undefined
      ? null
      : h("p", { class: "turn-said bot", dir: "auto" }, h("span", { class: "turn-who" }, `Bot${decision ? ` as ${inWords(decision.persona)}` : ""}`), answer.text),
    decision === undefined ? h("p", { class: "entry-note" }, "An apology: nobody chose it, and nothing is learned from it.") : why(decision),
    ...beside(answer),
  );
}

function understood({ intent, intent_confidence: sure, act, sentiment, emotions = {}, urgency, language, model, cached }) {
  const [emotion, strength] = Object.entries(emotions).sort(([, one], [, other]) => other - one)[0] ?? ["", 0];
  return facts([
    ["Intent", `${inWords(intent ?? "none")} ${percent(sure)}`],
    ["Act", act],
    ["Sentiment", sentiment === undefined ? "" : `${inWords(sentiment.label ?? "")} ${score(sentiment.score)}`],
    ["Emotion", emotion === "" ? "" : `${emotion} ${percent(strength)}`],
    ["Urgency", percent(urgency)],
    ["Language", language],
    ["Model", model === undefined ? "" : `${model}${cached ? ", from the cache" : ""}`],
  ]);
}

function why({ policy, version, propensity, personas, reward, words }) {
  const rows = personas
    .toSorted((one, other) => other.probability - one.probability)
    .slice(0, 5)
    .map(({ persona, probability, score: expected, features = [] }) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
      bar.firstChild.style.width = `${Math.round(probability * 100)}%`;
      const spoke = features.map(({ name, contribution }) => `${name.replaceAll("_", " ")} ${contribution > 0 ? "+" : ""}${score(contribution)}`);
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, inWords(persona)),
        h("td", {}, h("span", { class: "bar-cell" }, bar, percent(probability))),
        h("td", {}, score(expected)),
        h("td", { class: "features" }, spoke.join(", ")),
      );
    });
  const head = ["Persona", "Chance", "Expected", "What spoke"].map((title) => h("th", { scope: "col" }, title));
  return h(
    "details",
    { class: "turn-why" },
    h("summary", {}, `Why: ${policy} ${version}, drawn with ${percent(propensity)}${reward === undefined ? "" : `, reward ${score(reward)}`}`),
    words === undefined ? null : h("p", { class: "entry-note" }, words),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Personas" }, h("table", { class: "table" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows))),
  );
}

/** How the mood bent the persona, and the passages that the answer rests on. */
function beside(answer) {
  const mood = answer?.turn?.mood;
  const bends = Object.entries(mood?.traits ?? {}).map(([name, by]) => `${name.replaceAll("_", " ")} ${by > 0 ? "+" : ""}${score(by)}`);
  const rules = (mood?.rules ?? []).map(({ name, because }) => `${name}${because ? `: ${because}` : ""}`);
  const citations = (answer?.data?.citations ?? []).map(({ title, id }) => title ?? id ?? "");
  const experiment = answer?.turn?.experiment;
  return [
    bends.length === 0 ? null : h("p", { class: "entry-note" }, `Bent by the mood: ${bends.join(", ")} (${rules.join("; ")})`),
    citations.length === 0 ? null : h("p", { class: "entry-note" }, `Passages: ${citations.join(", ")}`),
    experiment === undefined ? null : h("p", { class: "entry-note" }, `Experiment ${experiment.id}, variant ${experiment.variant}`),
  ];
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return h("dl", { class: "facts" }, ...known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}
