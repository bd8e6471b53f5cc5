/** A user's own intents: examples, learning, activation; and the doubtful turns that feed them. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { button } from "./alerts.js";
import { actionsOf, mark, TablePanel } from "./tables.js";
import { clockOf, percent } from "./words.js";

const NONE = "oos";
const NEW = "\u0000new"; // no intent's name

export function ownIntentsPanel(actions) {
  const panel = new TablePanel({
    key: "own-intents",
    title: "Your own intents",
    note: "what customers may want, by example; learned in seconds, and put to use without a restart",
    nothing: "There are no examples yet.",
    rows: (told) => (told.missing ? [withoutFiles(told)] : [...learned(told, actions), ...told.findings.slice(0, 6).map(finding), list(told, actions)]),
  });
  panel.action("New intent", "Make an intent", () => actions.addIntent());
  panel.action("Learn", "Learn the examples", () => actions.train());
  return panel;
}

function withoutFiles({ missing, known }) {
  return h("p", { class: "entry" }, `The model's own ${known.length} intents hold. To teach it yours from here, set ${missing}, as docs/intents.md says.`);
}

function learned({ used, candidate, changed, can_roll_back: before }, actions) {
  const figures = ({ figures: { accuracy, answered, right_of_answered: right } }) =>
    `${percent(accuracy)} of held-out examples right; it answers ${percent(answered)}, ${percent(right)} of them rightly`;
  const entry = (title, found, ...rest) =>
    h("section", { class: "entry" }, h("p", { class: "entry-top" }, h("strong", {}, title), ...rest), h("p", { class: "entry-text" }, figures(found)));
  const back = before ? button("Go back", "Let the intents from before hold", () => actions.rollBack()) : null;
  const inUse = used === null || used === undefined ? null : entry(`In use: ${used.intents} intents`, used, changed ? mark("examples have changed since") : mark("up to date", "good"));
  if (back !== null) inUse?.append(actionsOf(back));
  if (!candidate) return [inUse];
  const waits = entry(`Learned at ${clockOf(candidate.at_ms)}: ${candidate.intents} intents`, candidate, mark(candidate.fresh ? "waits to be activated" : "of older examples"));
  waits.append(actionsOf(button("Activate", "Activate what was learned", () => actions.activate(candidate))));
  return [inUse, waits];
}

function finding({ level, place, problem, remedy }) {
  return h("p", { class: `entry ${level === "error" ? "critical" : "warning"}` }, `${place}: ${problem}. ${remedy}.`);
}

function list({ intents }, actions) {
  if (intents.length === 0) return null;
  return h("ul", { class: "entries intents" }, ...intents.map((one) => h("li", { class: "entry" }, intentEntry(one, actions))));
}

function intentEntry({ intent, ask, count, examples }, actions) {
  return h(
    "details",
    {},
    h("summary", {}, h("strong", {}, intent), ` ${count} examples, asked as “${ask}”`),
    h("ul", { class: "examples" }, ...examples.map((one) => example(intent, one, actions))),
    actionsOf(button("Add example", `Add an example of ${intent}`, () => actions.addExample(intent))),
  );
}

function example(intent, { text, here }, actions) {
  const remove = here ? button("Remove", `Remove the example ${text}`, () => actions.removeExample(intent, text)) : null;
  return h("li", { dir: "auto" }, h("span", {}, text), remove);
}

export function doubtsPanel(actions, known) {
  const panel = new TablePanel({
    key: "doubts",
    title: "Doubtful turns",
    note: "what the bot was not sure of; what was meant becomes an example",
    nothing: "Nothing waits to be labelled.",
    rows: ({ items }) => (items.length === 0 ? [] : [h("ul", { class: "entries" }, ...items.map((one) => doubt(one, actions, known)))]),
  });
  panel.action("Make examples", "Make examples of what was labelled", () => actions.takeOver());
  return panel;
}

function doubt(item, actions, known) {
  const { text, said, confidence, guesses } = item;
  const others = guesses.slice(1, 3).map(({ intent }) => inWords(intent));
  const took = said === NONE ? "taken for nothing it knows" : `taken for ${inWords(said)}`;
  return h(
    "li",
    { class: "entry" },
    h("p", { class: "entry-text", dir: "auto" }, text),
    h("p", { class: "entry-note" }, [`${took}, ${percent(confidence)} sure`, ...others].join("; or ")),
    actionsOf(
      button("Label", `Label: ${text}`, () => actions.label(item, known())),
      button("Set aside", `Set aside: ${text}`, () => actions.dismiss(item)),
    ),
  );
}

/** What the buttons of both panels do, over REST. */
export class IntentActions {
  #doing;
  #rest;

  /** @param {import("./doing.js").Doing} doing */
  constructor(doing) {
    this.#doing = doing;
    this.#rest = doing.rest;
  }

  #add(intent, text, isNew) {
    return this.#rest.send("POST", `v1/intents/${encodeURIComponent(intent)}/examples`, { text, new: isNew });
  }

  #remove(intent, text) {
    return this.#rest.send("DELETE", `v1/intents/${encodeURIComponent(intent)}/examples?text=${encodeURIComponent(text)}`);
  }

  addExample(intent) {
    return this.#doing.do({
      source: "own",
      title: `Add an example of ${intent}`,
      text: "It is learned the next time.",
      fields: [{ name: "text", label: "What a customer writes", required: true, maxlength: 500 }],
      button: "Add",
      blame: () => "text",
      said: (_, { added }) => (added ? "The example is added." : "It was there already."),
      run: ({ text }) => this.#add(intent, text, false),
      undo: ({ text }) => this.#remove(intent, text),
    });
  }

  addIntent() {
    return this.#doing.do({
      source: "own",
      title: "Make an intent",
      text: "With five examples it works; ten are better.",
      fields: [NAME, { name: "examples", label: "What customers write", rows: 5, required: true, hint: "an example a line" }],
      button: "Make it",
      blame: (sentence) => (sentence.includes("is no name") ? "name" : null),
      said: ({ name }) => `${name} is an intent.`,
      run: async ({ name, examples }) => {
        for (const text of linesOf(examples)) await this.#add(name, text, true);
      },
      undo: async ({ name, examples }) => {
        for (const text of linesOf(examples)) await this.#remove(name, text);
      },
    });
  }

  removeExample(intent, text) {
    return this.#doing.do({
      source: "own",
      title: "Remove the example?",
      text,
      button: "Remove",
      danger: true,
      said: "The example is removed.",
      run: () => this.#remove(intent, text),
      undo: () => this.#add(intent, text, true),
    });
  }

  train() {
    return this.#doing.do({
      source: "own",
      title: "Learn the examples?",
      text: "It takes seconds, with thousands of examples a minute. Nothing changes for customers before it is activated.",
      button: "Learn",
      said: "Learned. See how well, then activate it.",
      run: () => this.#rest.send("POST", "v1/intents/train"),
    });
  }

  activate({ digest, fresh }) {
    return this.#doing.do({
      source: "own",
      title: "Activate what was learned?",
      text: `Every worker takes it within seconds.${fresh ? "" : " Examples were changed after it was learned."}`,
      button: "Activate",
      said: "It is in use.",
      run: () => this.#rest.send("POST", "v1/intents/activate", { digest }),
      undo: () => this.#rest.send("POST", "v1/intents/rollback"),
    });
  }

  rollBack() {
    return this.#doing.do({
      source: "own",
      title: "Let the intents from before hold?",
      text: "Every worker takes them within seconds.",
      button: "Go back",
      said: "The intents from before hold.",
      run: () => this.#rest.send("POST", "v1/intents/rollback"),
      undo: () => this.#rest.send("POST", "v1/intents/rollback"),
    });
  }

  label({ message_id: id, text, guesses }, known) {
    const guessed = guesses.map(({ intent }) => intent);
    const names = [...guessed, ...known.filter((name) => !guessed.includes(name))];
    const options = [...names.map((name) => ({ value: name, label: inWords(name) })), { value: NONE, label: "none of them" }, { value: NEW, label: "one of its own:" }];
    return this.#doing.do({
      source: "doubts",
      title: "What was meant?",
      text,
      fields: [
        { name: "intent", label: "Intent", options, value: names[0] },
        { ...NAME, label: "Name of a new intent", required: false, check: (name, { intent }) => (intent === NEW && name === "" ? "Give the new intent a name." : "") },
      ],
      button: "Label",
      said: "Labelled. Another label replaces it.",
      run: ({ intent, name }) =>
        this.#rest.send("POST", `v1/intents/inbox/${encodeURIComponent(id)}/label`, intent === NEW ? { intent: name, new: true } : { intent }),
    });
  }

  dismiss({ message_id: id, text }) {
    return this.#doing.do({
      source: "doubts",
      title: "Set the turn aside?",
      text: `“${text}” tells nothing: it is neither learned nor counted.`,
      button: "Set aside",
      said: "Set aside.",
      run: () => this.#rest.send("POST", `v1/intents/inbox/${encodeURIComponent(id)}/dismiss`),
    });
  }

  takeOver() {
    return this.#doing.do({
      source: "own",
      title: "Make examples of what was labelled?",
      text: "Each labelled text becomes an example of its intent, each once. They are learned the next time.",
      button: "Make examples",
      said: (_, { added, present, unfit }) => `${added} added, ${present} there already${unfit ? `, ${unfit} unfit` : ""}.`,
      run: () => this.#rest.send("POST", "v1/intents/export"),
    });
  }
}

const NAME = { name: "name", label: "Its name", required: true, maxlength: 64, pattern: "[a-z][a-z0-9_]*", hint: "small letters, digits and _, such as order_status" };

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
