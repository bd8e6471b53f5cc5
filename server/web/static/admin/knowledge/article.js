/** One article opened: its versions and who brought them where, what it is cut into, and its text to be rewritten. */

import { h, setText } from "../../chat/dom.js";
import { inWords, languageName, momentOf } from "../../chat/format.js";
import { button } from "../alerts.js";
import { ask } from "../dialog.js";
import { actionsOf, mark, table } from "../tables.js";
import { NOTHING, whole } from "../words.js";
import { TextEditor } from "./editor.js";
import { lastDay } from "./shelf.js";

const stamp = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeZone: "UTC" });
const segment = encodeURIComponent;
/** What a version may become, as the server has it: what it refuses is told in the dialog. */
const NEXT = { draft: ["approved", "retired"], approved: ["active", "draft", "retired"], active: ["retired"], retired: ["active"] };
const VERBS = { approved: "Approve", active: "Activate", retired: "Retire", draft: "Back to draft" };
const FIGURES = ["shown", "solved", "thumbs_up", "thumbs_down", "handoffs"];
const COLUMNS = ["Version", "State", "By", "When", "Shown", "Solved", "Up", "Down", "Hand-offs", "Change"];
const TEMPLATE = "---\ntitle: \ncategory: \ntags: []\nlanguage: en\nasks:\n  - \n---\n\n";

export class ArticleDrawer {
  #rest;
  #days;
  #changed;
  #editor;
  #dialog;
  #title = h("h2", { class: "dialog-title", id: "article-title", dir: "auto" });
  #state = h("p", { class: "panel-state", role: "status" });
  #about = h("div", { class: "panel-body article-about" });
  #article = null;
  #versions = [];

  /** @param {() => void} changed hears that something was saved or moved on */
  constructor(rest, days, changed) {
    [this.#rest, this.#days, this.#changed] = [rest, days, changed];
    this.#editor = new TextEditor(rest, (version) => this.#saved(version));
    const close = h("button", { type: "button", class: "button", onclick: () => this.#close() }, "Close");
    this.#dialog = h(
      "dialog",
      { class: "dialog turns-dialog", "aria-labelledby": "article-title" },
      h("header", { class: "turns-top" }, this.#title, close),
      this.#state,
      h("div", { class: "article" }, this.#about, this.#editor.root),
    );
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault(); // Escape must not throw away what was typed
      this.#close();
    });
    document.body.append(this.#dialog);
  }

  async open(article, version = null) {
    this.#article = article;
    setText(this.#title, article);
    this.#about.replaceChildren();
    this.#editor.root.hidden = true;
    if (!this.#dialog.open) this.#dialog.showModal();
    await this.#load(version);
  }

  async begin() {
    const { done, values } = await ask({
      title: "Write a new article",
      fields: [{ name: "article", label: "Its id", required: true, maxlength: 64, pattern: "[a-z0-9][a-z0-9\\-]*", hint: "small letters, digits and -, such as late-parcels" }],
      button: "Begin",
      run: (given) => this.#isFree(given.article),
    });
    if (!done) return;
    this.#article = values.article;
    setText(this.#title, values.article);
    this.#about.replaceChildren();
    this.#versions = [];
    this.#show("Nothing is saved yet.");
    this.#editor.open(values.article, TEMPLATE, "Text");
    this.#dialog.showModal();
  }

  async #isFree(article) {
    try {
      await this.#rest.get(`v1/knowledge/articles/${segment(article)}`);
    } catch (error) {
      if (error.status === 404) return;
      throw error;
    }
    throw new Error(`There is an article ${article} already.`);
  }

  async #load(version, sentence = "") {
    const article = this.#article;
    this.#show("Asking the server.");
    const which = version === null ? "" : `?version=${version}`;
    try {
      const [whole, figures] = await Promise.all([
        this.#rest.get(`v1/knowledge/articles/${segment(article)}${which}`),
        this.#rest.get(`v1/knowledge/figures?article=${segment(article)}&days=${this.#days}`),
      ]);
      if (article !== this.#article) return;
      this.#fill(whole, figures.items);
      this.#show(sentence);
    } catch (error) {
      this.#show(error.message);
    }
  }

  #fill(one, figures) {
    setText(this.#title, one.title);
    const did = new Map(figures.map((row) => [row.version, row]));
    const rows = one.versions.map((version) => this.#version(version, one, did.get(version.version)));
    this.#versions = one.versions.map(({ version }) => version);
    this.#about.replaceChildren(factsOf(one), table(COLUMNS, rows), historyOf(one.changes));
    if (!this.#editor.dirty) this.#editor.open(one.article, one.source, `Text of version ${one.version}`);
  }

  #version(version, shown, did) {
    const { version: number, state, changed_by: by, changed_ms: at } = version;
    const look = button("Read", `Read version ${number}`, () => this.#leave(() => this.#load(number)));
    const steps = NEXT[state].map((to) => button(VERBS[to], `${VERBS[to]} version ${number}`, () => this.#move(version, to, shown)));
    return [
      number === shown.version ? `${number}, shown` : String(number),
      mark(state, state === "active" ? "good" : ""),
      by,
      stamp.format(at),
      ...FIGURES.map((name) => (did === undefined ? NOTHING : whole(did[name]))),
      actionsOf(number === shown.version ? null : look, ...steps),
    ];
  }

  async #move({ article, version, state }, to, { versions }) {
    const active = versions.find((one) => one.state === "active" && one.version !== version);
    const texts = {
      approved: "It can become active then. Nobody hears it yet.",
      active: `Within seconds the bot answers with it.${active === undefined ? "" : ` Version ${active.version}, which is active now, is retired.`}`,
      retired: state === "active" ? "Within seconds the bot finds this article no more. It can be made active again." : "It can be made active again later.",
      draft: "It is not approved any more.",
    };
    const { done } = await ask({
      title: `${VERBS[to]} version ${version}?`.replace("Back to draft version", "Back to a draft: version"),
      text: texts[to],
      button: VERBS[to],
      danger: state === "active",
      run: () => this.#rest.send("PUT", `v1/knowledge/articles/${segment(article)}/versions/${version}/state`, { state: to }),
    });
    if (!done) return;
    this.#changed();
    await this.#load(version, `Version ${version} is ${to === "draft" ? "a draft" : to}.`);
  }

  async #saved({ version }) {
    const isNew = !this.#versions.includes(version);
    this.#changed();
    await this.#load(version, isNew ? `Saved as version ${version}, a draft. Approve and activate it, so that the bot answers with it.` : `Version ${version} has this very text.`);
  }

  /** What was typed is not thrown away without a word. */
  async #leave(go) {
    if (!this.#editor.dirty) return go();
    const { done } = await ask({ title: "Drop what you have typed?", text: "It is not saved.", button: "Drop it", danger: true, run: async () => {} });
    if (!done) return null;
    this.#editor.forget();
    return go();
  }

  #close() {
    return this.#leave(() => this.#dialog.close());
  }

  #show(sentence) {
    setText(this.#state, sentence);
    this.#state.hidden = sentence === "";
  }
}

function factsOf(one) {
  const until = lastDay(one);
  const pairs = [
    ["Id", one.article],
    ["Category", one.category],
    ["Language", languageName(one.language)],
    ["Owner", one.owner],
    ["Last day", until === null ? "" : day.format(until)],
    ["Tags", one.tags.join(", ")],
  ].filter(([, value]) => value !== "");
  return h("dl", { class: "facts" }, ...pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function historyOf(changes) {
  const rows = changes.toReversed().map(({ version, state, by, at_ms: at }) =>
    h("li", {}, `${by}: version ${version} became ${state}, `, h("time", { datetime: new Date(at).toISOString(), title: momentOf(at) }, stamp.format(at))),
  );
  return h("details", { class: "turn-why" }, h("summary", {}, inWords(`who did what, ${changes.length}`)), h("ol", { class: "quoted" }, ...rows));
}
