/** The reference page: both documents as one list that can be filtered, linked into and tried out. */

import { h, setText } from "../chat/dom.js";
import { frameGroups } from "./frames.js";
import { inline, prose } from "./prose.js";
import { requestGroups } from "./requests.js";

const byId = (id) => document.getElementById(id);

async function load(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} answered ${response.status}`);
  return response.json();
}

function section(id, title, description, groups) {
  return h("section", { class: "section", id }, h("h2", {}, title), prose(description), ...groups);
}

function errorSection(errors) {
  const row = ({ code, name, meaning }) =>
    h("tr", { id: `error-${code}` }, h("td", {}, String(code)), h("td", {}, h("code", {}, name)), h("td", {}, ...inline(meaning)));
  const head = h("tr", {}, ...["code", "name", "when"].map((name) => h("th", { scope: "col" }, name)));
  const table = h("table", { class: "table", tabindex: "0" }, h("thead", {}, head), h("tbody", {}, ...errors.map(row)));
  return h("section", { class: "section", id: "errors" }, h("h2", {}, "Errors"), prose("The same over both roads."), table);
}

function contents(sections) {
  const links = (list) =>
    h("ul", {}, ...list.map((one) => h("li", {}, h("a", { href: `#${one.id}` }, one.querySelector("h3").textContent))));
  return sections.flatMap((one) => {
    const groups = [...one.querySelectorAll(".group")];
    const heading = h("p", {}, h("a", { href: `#${one.id}` }, one.querySelector("h2").textContent));
    return groups.length ? [heading, links(groups)] : [heading];
  });
}

/** Show what has all the words; an empty filter shows everything. */
function filter(words) {
  const entries = [...document.querySelectorAll(".entry")];
  for (const one of entries) one.hidden = !words.every((word) => one.dataset.search.includes(word));
  for (const one of document.querySelectorAll(".group")) one.hidden = !one.querySelector(".entry:not([hidden])");
  const shown = entries.filter(({ hidden }) => !hidden).length;
  setText(byId("found"), words.length ? `${shown} of ${entries.length} requests and frames` : "");
}

function openLinked() {
  const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.hidden = false;
  target.closest(".group")?.removeAttribute("hidden");
  if (target.localName === "details") target.open = true;
  target.scrollIntoView();
}

/** The chat page's token, if somebody has chatted here. */
function chatToken() {
  try {
    return JSON.parse(localStorage.getItem("parlance.token") ?? "null");
  } catch {
    return null;
  }
}

async function start() {
  const token = byId("token");
  const [openapi, asyncapi] = await Promise.all([load("openapi.json"), load("asyncapi.json")]);
  const sections = [
    section("http", "HTTP", openapi.info.description, requestGroups(openapi, () => token.value.trim())),
    section("websocket", "WebSocket", asyncapi.info.description, frameGroups(asyncapi, () => token.value.trim())),
    errorSection(openapi["x-errors"]),
  ];
  byId("sections").append(...sections);
  byId("nav").append(...contents(sections));
  byId("filter").addEventListener("input", ({ target }) => filter(target.value.toLowerCase().split(/\s+/).filter(Boolean)));
  byId("borrow").hidden = !chatToken();
  byId("borrow").addEventListener("click", () => {
    token.value = chatToken() ?? "";
    token.dispatchEvent(new Event("input", { bubbles: true }));
  });
  addEventListener("hashchange", openLinked);
  openLinked();
}

start()
  .catch((failure) => byId("sections").append(h("p", { class: "docs-failed", role: "alert" }, `The documents can't be shown: ${failure.message}.`)))
  .finally(() => byId("content").removeAttribute("aria-busy"));
