/** What requests and frames look like alike: a line that opens. */

import { h } from "../chat/dom.js";
import { inline } from "./prose.js";

/**
 * @param {{id: string, kind: string, name: (Node | string)[], brief: string, search: string, body: () => Node[]}} what
 *     `body` is made when the entry is first opened: a hundred of them at once would keep a phone busy.
 */
export function entry({ id, kind, name, brief, search, body }) {
  const made = h(
    "details",
    { class: "entry", id, "data-search": search.toLowerCase() },
    h(
      "summary",
      {},
      h("span", { class: "entry-kind", "data-kind": kind }, kind),
      h("h4", { class: "entry-name" }, ...name),
      h("span", { class: "entry-brief" }, ...inline(brief)),
    ),
  );
  const fill = () => made.open && made.childElementCount === 1 && made.append(h("div", { class: "entry-body" }, ...body()));
  made.addEventListener("toggle", fill);
  return made;
}

export function part(title, ...children) {
  return h("section", { class: "part" }, h("h5", {}, title), ...children);
}

export function group(id, title, brief, entries) {
  return h("section", { class: "group", id }, h("h3", {}, title), h("p", {}, ...inline(brief)), ...entries);
}

/** The first sentence. */
export function brief(text) {
  return text.split("\n\n")[0].replaceAll("\n", " ").split(/(?<=\.) /)[0];
}
