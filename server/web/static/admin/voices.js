/** Personas and mood rules: what holds, edited one by one. The server checks each document whole. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { button } from "./alerts.js";
import { TablePanel } from "./tables.js";

const EMPTY_RULE = { name: "", when: "sentiment <= -0.5", traits: { empathy: 0.1 } };
const whenOf = ({ when }) => (Array.isArray(when) ? when : [when]);
const traitsOf = (traits) => Object.entries(traits).map(([name, by]) => `${name} ${by > 0 ? "+" : ""}${by}`);

/** "empathy +0.1" a line, as an object; what is no number is left to the server to refuse. */
export function readTraits(text) {
  const lines = text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^(\S+?)[\s:]+(\S+)$/.exec(line) ?? [null, line, ""];
      return [name, value !== "" && Number.isFinite(Number(value)) ? Number(value) : value];
    }),
  );
}

export function voicesPanel(actions) {
  const panel = new TablePanel({
    key: "voices",
    title: "Personas and mood rules",
    note: "how the bot speaks, and how the moment bends that; changes hold from the next answer on",
    nothing: "There is nothing to edit.",
    rows: ({ personas, rules }) => [
      h("ul", { class: "chips" }, ...personas.document.personas.map((one) => persona(one, personas, actions))),
      h("ul", { class: "entries" }, ...rules.document.rules.map((one, place) => rule(one, place, rules, actions))),
      edited("personas", personas, actions),
      edited("mood rules", rules, actions),
    ],
  });
  panel.action("Add rule", "Add a mood rule", () => actions.rule(EMPTY_RULE, null));
  return panel;
}

function persona(one, held, actions) {
  return h("li", { class: "chip" }, one.title ?? inWords(one.name), button("Edit", `Edit ${one.name}`, () => actions.persona(one, held)));
}

function rule(one, place, held, actions) {
  return h(
    "li",
    { class: "entry" },
    h("p", { class: "entry-top" }, h("strong", {}, one.name), h("span", {}, whenOf(one).join(" and "))),
    h("p", { class: "entry-text" }, traitsOf(one.traits).join(", ")),
    h(
      "div",
      { class: "entry-actions" },
      button("Edit", `Edit the rule ${one.name}`, () => actions.rule(one, place)),
      button("Remove", `Remove the rule ${one.name}`, () => actions.removeRule(place)),
    ),
  );
}

function edited(what, { edited: is, history }, actions) {
  if (!is) return null;
  const kind = what === "personas" ? "personas" : "mood_rules";
  return h(
    "p",
    { class: "panel-note" },
    `The ${what} were edited by ${history[0].by}. `,
    button("As the file has them", `Let the file's ${what} hold again`, () => actions.restore(kind)),
  );
}

/** The questions of this panel, for `Actions`. */
export const EDITS = {
  persona: (one) => ({
    title: `Edit ${one.name}`,
    text: "Traits from 0 to 1; one that is left empty is 0.5.",
    fields: [
      { name: "title", label: "Title", value: one.title, required: true, maxlength: 60 },
      ...Object.entries(one.traits).map(([name, value]) => ({
        name: `trait ${name}`,
        label: inWords(name),
        type: "number",
        min: 0,
        max: 1,
        step: "0.01",
        value: String(value),
      })),
    ],
    button: "Save",
    made: (values) => ({
      ...one,
      title: values.title,
      traits: Object.fromEntries(
        Object.keys(one.traits)
          .filter((name) => values[`trait ${name}`] !== "")
          .map((name) => [name, Number(values[`trait ${name}`])]),
      ),
    }),
  }),
  rule: (one) => ({
    title: one.name === "" ? "Add a mood rule" : `Edit the rule ${one.name}`,
    fields: [
      { name: "name", label: "Name", value: one.name, required: true, maxlength: 60 },
      { name: "when", label: "When", value: whenOf(one).join("\n"), rows: 2, hint: "a condition a line, such as sentiment <= -0.7; all must hold" },
      { name: "traits", label: "Traits", value: traitsOf(one.traits).join("\n"), rows: 3, hint: "a change a line from -0.25 to 0.25, such as empathy +0.1" },
    ],
    button: "Save",
    made: (values) => ({
      name: values.name,
      when: values.when.split("\n").map((line) => line.trim()).filter(Boolean),
      traits: readTraits(values.traits),
    }),
  }),
};
