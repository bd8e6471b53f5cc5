/** Trying a request out, from the page, with the reader's own token. */

import { h, setText } from "../chat/dom.js";
import { bodySchema } from "./requests.js";
import { exampleOf, sample } from "./schema.js";

/** @param {() => string} token */
export function trial(document, operation, token) {
  const given = (operation.parameters ?? []).map((parameter) => ({ ...parameter, input: field(operation, parameter) }));
  const schema = bodySchema(document, operation);
  const body = schema && bodyField(exampleOf(document, schema));
  const command = sample("");
  const answer = h("div", { class: "part", role: "status" });

  const asked = () => requestOf(operation, given, body?.input.value ?? null, token());
  const show = () => setText(command, curl(asked()));
  const send = h("button", { class: "button try-send", type: "button", onclick: () => run(send, asked(), answer) }, "Send");
  const box = h("div", { class: "try", oninput: show }, ...given.map(({ input }) => input.label), body?.label, send, command, answer);
  show();
  return box;
}

function field({ operationId }, { name, in: place, required }) {
  const input = h("input", { class: "input input-code", type: "text", name, autocomplete: "off", spellcheck: "false" });
  const label = h("label", { class: "field" }, h("span", { class: "field-name" }, `${name} (${place}${required ? "" : ", optional"})`), input);
  return { label, input, operationId };
}

function bodyField(example) {
  const input = h("textarea", { class: "input input-code", rows: "6", spellcheck: "false" });
  input.value = example === null ? "{}" : JSON.stringify(example, null, 2);
  return { input, label: h("label", { class: "field" }, h("span", { class: "field-name" }, "Body"), input) };
}

function requestOf({ method, path }, given, body, token) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== null) headers["Content-Type"] = "application/json";
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: place, input } of given) {
    const value = input.input.value.trim();
    if (place === "path") filled = filled.replace(`{${name}}`, value === "" ? `{${name}}` : encodeURIComponent(value));
    else if (value !== "" && place === "query") query.set(name, value);
    else if (value !== "" && place === "header") headers[name] = value;
  }
  const search = query.size ? `?${query}` : "";
  return { method, url: `${location.origin}${filled}${search}`, headers, body };
}

/** The same for a terminal; the token stays out of it. */
function curl({ method, url, headers, body }) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const lines = [`curl -X ${method} ${quoted(url)}`, '-H "Authorization: Bearer $TOKEN"'];
  for (const [name, value] of Object.entries(headers)) if (name !== "Authorization") lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== null) lines.push(`-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}

async function run(button, { method, url, headers, body }, answer) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const response = await fetch(url, { method, headers, body: body ?? undefined, cache: "no-store" });
    const text = await response.text();
    answer.replaceChildren(h("p", {}, `${response.status} ${response.statusText}`), text ? sample(pretty(text)) : "");
  } catch (failure) {
    answer.replaceChildren(h("p", {}, `Nothing came back: ${failure.message}`));
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

function pretty(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
