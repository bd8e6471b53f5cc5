/** The HTTP API, from its OpenAPI document. */

import { h } from "../chat/dom.js";
import { brief, entry, group, part } from "./entry.js";
import { prose } from "./prose.js";
import { exampleOf, fields, resolved, sample, typeText } from "./schema.js";
import { trial } from "./trial.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** @param {() => string} token what trials send */
export function requestGroups(document, token) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => ({ path, method: method.toUpperCase(), ...methods[method] })),
  );
  return document.tags.map((tag) =>
    group(
      `http-${tag.name}`,
      title(tag.name),
      tag.description,
      operations.filter(({ tags }) => tags.includes(tag.name)).map((operation) => operationEntry(document, operation, token)),
    ),
  );
}

function title(name) {
  return name[0].toUpperCase() + name.slice(1);
}

function operationEntry(document, operation, token) {
  const { path, method, description, operationId } = operation;
  return entry({
    id: `op-${operationId}`,
    kind: method,
    name: pathParts(path),
    brief: brief(description),
    search: `${method} ${path} ${operationId} ${description}`,
    body: () => [
      prose(description),
      parameters(document, operation),
      requestBody(document, operation),
      responses(document, operation),
      part("Try it", trial(document, operation, token)),
    ].filter(Boolean),
  });
}

/** A path with its variables set off; it may break before each slash. */
function pathParts(path) {
  return path
    .split(/(?=\/)/)
    .flatMap((step) => [h("wbr"), ...step.split(/(\{[^}]+\})/)])
    .map((piece) => (typeof piece === "string" && piece.startsWith("{") ? h("span", {}, piece) : piece));
}

function parameters(document, { parameters: given = [] }) {
  if (given.length === 0) return null;
  const items = given.map(({ name, in: place, required, schema, description }) =>
    h(
      "li",
      {},
      h("span", { class: "field-label" }, name),
      " ",
      h("span", { class: "field-type" }, `${place}, ${typeText(document, schema)}`),
      required ? h("span", { class: "field-must" }, " required") : null,
      h("span", { class: "field-note" }, ...prose(description ?? "How many at most.").firstChild.childNodes),
    ),
  );
  return part("Parameters", h("ul", { class: "fields" }, ...items));
}

/** The schema of a request's body, or null. */
export function bodySchema(document, { requestBody: body }) {
  const schema = body?.content["application/json"]?.schema;
  if (!schema) return null;
  return schema.anyOf?.find(({ $ref }) => $ref) ?? schema;
}

function requestBody(document, operation) {
  const schema = bodySchema(document, operation);
  if (!schema) return null;
  const { schema: found } = resolved(document, schema);
  return part("Body", found.description ? prose(found.description) : null, fields(document, schema), sample(exampleOf(document, schema)));
}

function responses(document, { responses: given }) {
  const items = Object.entries(given).sort().map(([status, { description, content }]) => {
    const schema = content?.["application/json"]?.schema;
    const example = schema && exampleOf(document, schema);
    return h(
      "li",
      {},
      h("span", { class: "field-label" }, status),
      " ",
      h("span", { class: "field-type" }, schema ? resolved(document, schema).name : status === "204" ? "nothing" : "Problem"),
      h("span", { class: "field-note" }, ...prose(description).firstChild.childNodes),
      schema
        ? h("details", { class: "more" }, h("summary", {}, `Fields of ${resolved(document, schema).name}`), fields(document, schema), example && sample(example))
        : null,
    );
  });
  return part("Answers", h("ul", { class: "fields" }, ...items));
}
