/** JSON Schemas as lists of fields. A document is what its `#/components/schemas/…` references are looked up in. */

import { h } from "../chat/dom.js";
import { inline } from "./prose.js";

const DEEPEST = 4;

/** The schema behind references, with what stands beside them. @returns {{name: ?string, schema: object}} */
export function resolved(document, schema) {
  const only = schema.allOf?.length === 1 ? schema.allOf[0] : schema;
  if (!only.$ref) return { name: null, schema };
  const name = only.$ref.split("/").at(-1);
  return { name, schema: document.components.schemas[name] };
}

/** A type in a few words: "text, 1 to 64 characters". */
export function typeText(document, schema) {
  const { name, schema: found } = resolved(document, schema);
  if (name) return name;
  const choices = found.enum ?? (found.const === undefined ? null : [found.const]);
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(" | ");
  if (found.anyOf) return found.anyOf.filter(({ type }) => type !== "null").map((kind) => typeText(document, kind)).join(" or ");
  if (found.type === "array") return `list of ${typeText(document, found.items ?? {})}${bounds(found.minItems, found.maxItems, "entries")}`;
  if (found.type === "string") return `text${bounds(found.minLength, found.maxLength, "characters")}`;
  if (found.type === "integer") return `integer${bounds(found.minimum, found.maximum, "")}`;
  return found.type ?? "any value";
}

function bounds(least, most, unit) {
  const beyond = most === undefined || most >= Number.MAX_SAFE_INTEGER;
  if (least === undefined && beyond) return "";
  const range = beyond ? `at least ${least}` : least === undefined ? `at most ${most}` : `${least} to ${most}`;
  return `, ${range}${unit && ` ${unit}`}`;
}

/** The fields of an object's schema, those that hold objects of their own folded up. @returns {?HTMLElement} */
export function fields(document, schema, depth = 0) {
  const { schema: found } = resolved(document, schema);
  const properties = Object.entries(found.properties ?? {});
  if (properties.length === 0) return null;
  const must = new Set(found.required ?? []);
  return h("ul", { class: "fields" }, ...properties.map(([name, field]) => fieldItem(document, name, field, must.has(name), depth)));
}

function fieldItem(document, name, field, must, depth) {
  const within = inner(document, field);
  const nested = within && depth < DEEPEST ? fields(document, within, depth + 1) : null;
  return h(
    "li",
    {},
    h("span", { class: "field-label" }, name),
    " ",
    h("span", { class: "field-type" }, typeText(document, field)),
    must ? h("span", { class: "field-must" }, " required") : null,
    field.description ? h("span", { class: "field-note" }, ...inline(field.description)) : null,
    nested ? h("details", { class: "more" }, h("summary", {}, `Fields of ${resolved(document, within).name}`), nested) : null,
  );
}

/** What an object, a list's entries or a map's values are made of. */
function inner(document, field) {
  if (resolved(document, field).name) return field;
  const candidate = field.type === "array" ? field.items : field.additionalProperties;
  return candidate && typeof candidate === "object" && resolved(document, candidate).name ? candidate : null;
}

/** An example of the schema, its own or one that is made of its fields'. */
export function exampleOf(document, schema) {
  const { schema: found } = resolved(document, schema);
  return found.examples?.[0] ?? null;
}

export function sample(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return h("pre", { class: "sample", tabindex: "0" }, text);
}
