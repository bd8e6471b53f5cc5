/** The little CommonMark that the documents' descriptions use: paragraphs, lists, tables, `code` and **strong**. */

import { h } from "../chat/dom.js";

/** One line's text with its `code` and **strong**. @returns {Node[]} */
export function inline(text) {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*)/)
    .filter((part) => part !== "")
    .map((part) => {
      if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
      if (part.startsWith("**")) return h("strong", {}, part.slice(2, -2));
      return document.createTextNode(part);
    });
}

/** @returns {HTMLElement} the blocks of a description */
export function prose(text) {
  const blocks = text.trim().split(/\n{2,}/);
  return h("div", { class: "prose" }, ...blocks.map(block));
}

function block(text) {
  const lines = text.split("\n");
  if (lines[0].startsWith("|")) return table(lines);
  if (lines[0].startsWith("- ")) return list(lines);
  return h("p", {}, ...inline(lines.join(" ")));
}

function list(lines) {
  const items = lines.reduce(
    (all, line) => (line.startsWith("- ") ? [...all, line.slice(2)] : [...all.slice(0, -1), `${all.at(-1)} ${line.trim()}`]),
    [],
  );
  return h("ul", {}, ...items.map((item) => h("li", {}, ...inline(item))));
}

function table(lines) {
  const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const row = (line, tag) => h("tr", {}, ...cells(line).map((cell) => h(tag, {}, ...inline(cell))));
  const [head, , ...body] = lines;
  return h("table", { class: "table", tabindex: "0" }, h("thead", {}, row(head, "th")), h("tbody", {}, ...body.map((line) => row(line, "td"))));
}
