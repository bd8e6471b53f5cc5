/** The panel of experiments, and what is done with one: made, rewritten, started, paused, widened, completed. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { button } from "./alerts.js";
import { blamed, textToGuardrails, textToVariants, toDocument, toValues } from "./designing.js";
import { actionsOf, mark, table, TablePanel } from "./tables.js";
import { NOTHING, score, whole } from "./words.js";

const VERBS = { draft: ["edit", "start"], running: ["ramp", "pause", "complete"], paused: ["start", "complete"], completed: [] };

export function experimentsPanel(actions) {
  const panel = new TablePanel({
    key: "experiments",
    title: "Experiments",
    note: "differences to the control with their intervals; looking often does no harm",
    nothing: "There is no experiment.",
    rows: ({ items }) => items.map((one) => experiment(one, actions)),
  });
  panel.action("New experiment", "Make an experiment", () => actions.create());
  return panel;
}

function experiment({ document: own, report }, actions) {
  const control = report?.control;
  const rows = Object.entries(report?.metrics ?? {}).flatMap(([metric, variants]) =>
    Object.entries(variants)
      .filter(([variant]) => variant !== control)
      .map(([variant, row]) => [
        `${inWords(metric)}, ${variant}`,
        whole(row.units),
        score(row.mean),
        interval(row),
        row.significant ? mark(row.better ? "better" : "worse", row.better ? "good" : "bad") : mark("open"),
      ]),
  );
  const verbs = own.state === "completed" && own.winner ? ["withdraw"] : VERBS[own.state];
  return h(
    "section",
    { class: "entry" },
    h(
      "p",
      { class: "entry-top" },
      h("strong", {}, own.id),
      mark(own.state, own.state === "running" ? "good" : ""),
      own.winner ? h("span", {}, `everybody gets ${own.winner}`) : null,
      h("span", { class: "entry-figures" }, `last changed by ${own.changed_by}`),
    ),
    h("p", { class: "entry-text" }, own.hypothesis ?? ""),
    report === null ? null : h("p", { class: "entry-text" }, report.verdict.reason),
    table(["Metric, variant", "Users", "Mean", "Difference", "Result"], rows),
    actionsOf(...verbs.map((verb) => button(inWords(verb), `${inWords(verb)} ${own.id}`, () => actions[verb](own)))),
  );
}

/** A difference as a line from the interval's one end to the other, with zero marked; and in figures. */
function interval({ difference, ci }) {
  if (!Array.isArray(ci) || !ci.every(Number.isFinite)) return NOTHING;
  const [low, high] = ci;
  const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const place = (value) => 50 + (value / reach) * 48;
  const line = h("span", { class: "interval-line" });
  const drawn = h("span", { class: "interval", "aria-hidden": "true" }, line);
  line.style.insetInlineStart = `${place(low)}%`;
  line.style.width = `${Math.max(1, place(high) - place(low))}%`;
  return h("span", { class: "interval-cell" }, drawn, `${score(difference)} [${score(low)}, ${score(high)}]`);
}

const problemWith = (read) => (text) => {
  try {
    read(text);
    return "";
  } catch (error) {
    return error.message;
  }
};

function fieldsOf(own) {
  const value = toValues(own);
  const number = (name, label, more) => ({ name, label, type: "number", required: true, value: value[name], ...more });
  const variants = {
    name: "variants",
    label: "Variants",
    rows: 5,
    value: value.variants,
    required: true,
    check: problemWith(textToVariants),
    hint: "one a line, the control first: name, weight | writer_style tone=friendly | trait_overrides empathy=0.9",
  };
  return [
    { name: "hypothesis", label: "What is expected", value: value.hypothesis, maxlength: 500 },
    ...(own.factors?.length > 0 ? [] : [variants]),
    { name: "metrics", label: "Metrics", value: value.metrics, required: true, hint: "the first decides, the others explain" },
    {
      name: "guardrails",
      label: "Guardrails",
      rows: 2,
      value: value.guardrails,
      check: problemWith(textToGuardrails),
      hint: "a metric and by which share it may get worse, such as handoff_rate 0.05",
    },
    number("exposure", "Users who take part, in per cent", { min: 0, max: 100, step: "any" }),
    { name: "method", label: "Read", options: METHODS, value: value.method },
    number("planned_units", "Users planned, over all variants", { min: 2, step: "1" }),
    number("min_units", "Users a variant before any verdict", { min: 2, step: "1" }),
    number("max_days", "Stopped after days", { min: 0.01, step: "any" }),
  ];
}

const METHODS = [
  { value: "sequential", label: "at any time (sequential)" },
  { value: "fixed", label: "once, at its end (fixed)" },
];

/** What the panel's buttons do, over REST. */
export class ExperimentActions {
  #doing;
  #rest;

  /** @param {import("./doing.js").Doing} doing */
  constructor(doing) {
    this.#doing = doing;
    this.#rest = doing.rest;
  }

  async create() {
    const { items } = await this.#rest.get("v1/experiment-templates").catch(() => ({ items: [] }));
    const drafts = new Map(items.map(({ name, experiment: own }) => [name, own]));
    const first = items[0]?.name ?? "";
    const names = [...drafts.keys()].map((name) => ({ value: name, label: inWords(name) }));
    return this.#doing.do({
      source: "experiments",
      title: "Make an experiment",
      text: "A draft: nobody is shown anything before it is started.",
      fields: [
        {
          name: "template",
          label: "Begin with",
          options: [...names, { value: "", label: "nothing" }],
          value: first,
          fills: (name) => ({ ...toValues(drafts.get(name) ?? {}), id: undefined }),
        },
        { name: "id", label: "Its id", required: true, maxlength: 64, pattern: "[a-z0-9_\\-]+", hint: "small letters, digits, - and _" },
        ...fieldsOf(drafts.get(first) ?? {}),
      ],
      button: "Make the draft",
      blame: blamed,
      said: ({ id }) => `${id} is a draft.`,
      run: (values) => this.#rest.send("POST", "v1/experiments", toDocument(values, drafts.get(values.template))),
    });
  }

  edit(own) {
    const path = `v1/experiments/${encodeURIComponent(own.id)}`;
    return this.#doing.do({
      source: "experiments",
      title: `Edit ${own.id}`,
      text: "What has no field here stays as it is.",
      fields: fieldsOf(own),
      button: "Save",
      blame: blamed,
      said: `${own.id} is changed.`,
      run: (values) => this.#rest.send("PUT", path, { revision: own.revision, experiment: toDocument(values, own) }),
      undo: (_, { revision }) => this.#rest.send("PUT", path, { revision, experiment: toDocument(toValues(own), own) }),
    });
  }

  start({ id }) {
    return this.#change("start", id, {
      text: "From now on it takes users, on every worker.",
      said: `${id} runs.`,
      undo: () => this.#post(id, "pause"),
    });
  }

  pause({ id }) {
    return this.#change("pause", id, {
      text: "It takes nobody new; who is in keeps the variant.",
      said: `${id} is paused.`,
      undo: () => this.#post(id, "start"),
    });
  }

  ramp({ id, exposure = 1 }) {
    const value = String(Math.round(exposure * 100));
    return this.#change("ramp", id, {
      text: "A larger share is taken in. Nobody who is in leaves, so this can't be undone.",
      fields: [{ name: "exposure", label: "Share in per cent", type: "number", value, min: 0.1, max: 100, step: "0.1", required: true }],
      said: ({ exposure: percent }) => `${id} takes ${percent} % of the users.`,
      body: ({ exposure: percent }) => ({ exposure: Number(percent) / 100 }),
    });
  }

  complete({ id, variants }) {
    const winners = variants.map(({ name }) => ({ value: name, label: `everybody gets ${name}` }));
    return this.#change("complete", id, {
      text: "It ends, and an ended experiment stays ended.",
      fields: [
        { name: "winner", label: "From now on", options: [{ value: "", label: "as it was before" }, ...winners] },
        { name: "note", label: "Why, for the history", maxlength: 500 },
      ],
      danger: true,
      said: `${id} is completed.`,
      body: ({ winner, note }) => ({ winner: winner || null, note: note || null }),
    });
  }

  withdraw({ id, winner }) {
    return this.#change("withdraw", id, {
      text: `Nobody gets ${winner} any more, but what there was before the experiment. This can't be undone.`,
      danger: true,
      said: `${id} has no winner any more.`,
    });
  }

  #change(verb, id, { body = () => undefined, ...question }) {
    const name = inWords(verb);
    return this.#doing.do({
      source: "experiments",
      title: `${name} ${id}?`,
      button: name,
      run: (values) => this.#post(id, verb, body(values)),
      ...question,
    });
  }

  #post(id, verb, body) {
    return this.#rest.send("POST", `v1/experiments/${encodeURIComponent(id)}/${verb}`, body);
  }
}
