/** The panels that are tables: workers, intents, policies, models, changes. */

import { h } from "../chat/dom.js";
import { inWords } from "../chat/format.js";
import { button } from "./alerts.js";
import { csvOfRows } from "./history.js";
import { Panel } from "./panel.js";
import { clockOf, cores, durationOf, megabytes, NOTHING, percent, perSecond, score, whole } from "./words.js";

const INTENTS_SHOWN = 12;

/** A panel whose body is drawn anew only where what it shows has changed. */
export class TablePanel {
  #panel;
  #what;
  #rows;
  #nothing;
  #drawn = null;

  /** @param {{key: string, title: string, note: string, nothing: string, rows: (value: object) => (Node | null)[]}} what */
  constructor({ rows, nothing, ...what }) {
    this.#what = what;
    this.#panel = new Panel(what);
    this.#rows = rows;
    this.#nothing = nothing;
  }

  get root() {
    return this.#panel.root;
  }

  action(label, name, run) {
    this.#panel.action(label, name, run);
  }

  /** Let the table be saved as it is seen. @param {(name: string, blob: Blob) => void} save */
  exported(save) {
    const { key, title } = this.#what;
    this.#panel.action("CSV", `${title} as CSV`, () => {
      const rows = [...this.#panel.body.querySelectorAll("tr")].map((row) => [...row.cells].map(({ textContent }) => textContent));
      save(`parlance-${key}.csv`, new Blob([csvOfRows(rows)], { type: "text/csv" }));
    });
    return this;
  }

  /** @param {object | null} value null where nothing is known */
  draw(value, freshness) {
    const now = JSON.stringify(value);
    if (now !== this.#drawn) {
      this.#drawn = now;
      redraw(this.#panel.body, value === null ? [] : this.#rows(value).filter(Boolean));
    }
    const empty = freshness.state === "live" && this.#panel.body.childElementCount === 0;
    this.#panel.show(empty ? "empty" : freshness.state, empty ? this.#nothing : freshness.sentence);
  }
}

const FOCUSABLE = "button, [tabindex], summary";
const SCROLLING = ".table-scroll, .entries";

/** Whoever had the focus on something keeps it on what stands in its place; what was opened or scrolled to stays so. */
export function redraw(body, children) {
  const place = [...body.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  const titles = [...body.querySelectorAll("details[open] > summary > strong")].map(({ textContent }) => textContent);
  const { scrollLeft = 0, scrollTop = 0 } = body.querySelector(SCROLLING) ?? {};
  body.replaceChildren(...children);
  for (const title of body.querySelectorAll("details > summary > strong")) {
    if (titles.includes(title.textContent)) title.closest("details").open = true;
  }
  if (place >= 0) body.querySelectorAll(FOCUSABLE)[place]?.focus({ preventScroll: true });
  Object.assign(body.querySelector(SCROLLING) ?? {}, { scrollLeft, scrollTop });
}

/** @param {string[]} titles @param {(string | Node | (string | Node | null)[])[][]} rows the first cell names the row */
export function table(titles, rows) {
  if (rows.length === 0) return null;
  const head = titles.map((text) => h("th", { scope: "col" }, text));
  const body = rows.map(([name, ...cells]) =>
    h("tr", {}, h("th", { scope: "row" }, ...[name].flat()), ...cells.map((cell) => h("td", {}, ...[cell].flat()))),
  );
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "group", "aria-label": titles[0] },
    h("table", { class: "table" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)),
  );
}

export const mark = (text, kind = "") => h("span", { class: `mark ${kind}` }, text);
export const actionsOf = (...buttons) => h("div", { class: "entry-actions" }, ...buttons.filter(Boolean));

export function workersPanel(nowMs) {
  return new TablePanel({
    key: "workers",
    title: "Workers",
    note: "each process by itself, as heard in the last three seconds",
    nothing: "No worker was heard.",
    rows: (workers) => [
      table(
        ["Worker", "Up", "Connections", "Turns/s", "CPU", "Memory", "Disk free", "State"],
        workers.map((one) => [
          h("code", {}, one.worker.slice(-6)),
          one.started_ms ? durationOf(nowMs() - one.started_ms) : NOTHING,
          whole(one.connections),
          perSecond(one.turns_per_s),
          cores(one.cpu),
          megabytes(one.rss_bytes),
          percent(one.disk_free),
          stateOf(one),
        ]),
      ),
    ],
  });
}

function stateOf({ redis_away: redis, model_away: model, errors_per_s: errors, version }) {
  const found = [
    redis ? mark("Redis away", "bad") : null,
    model ? mark("model away", "bad") : null,
    errors > 0 ? mark(`${perSecond(errors)} errors/s`, "bad") : null,
  ].filter(Boolean);
  return found.length === 0 ? [mark(version ? `well, ${version}` : "well", "good")] : found;
}

export function intentsPanel() {
  return new TablePanel({
    key: "intents",
    title: "Intents of the hour",
    note: "what customers asked about, and how they felt, −1 to 1",
    nothing: "Nobody has asked anything in the last hour.",
    rows: ({ items }) => {
      const most = items[0]?.count ?? 1;
      return [
        table(
          ["Intent", "Share", "Mood"],
          items.slice(0, INTENTS_SHOWN).map(({ intent, count, share, sentiment }) => {
            const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
            bar.firstChild.style.width = `${Math.round((count / most) * 100)}%`;
            return [inWords(intent), h("span", { class: "bar-cell" }, bar, percent(share)), score(sentiment)];
          }),
        ),
        items.length > INTENTS_SHOWN ? h("p", { class: "panel-note" }, `and ${items.length - INTENTS_SHOWN} more`) : null,
      ];
    },
  });
}

export function policiesPanel(actions) {
  return new TablePanel({
    key: "policies",
    title: "Policies",
    note: "what the choice of personas has learned; the version is how many entries of its log it has read",
    nothing: "No policy has learned anything yet.",
    rows: ({ items }) =>
      items.map(({ policy, version, used, arms = [], paused = [] }) =>
        h(
          "section",
          { class: "entry" },
          h(
            "p",
            { class: "entry-top" },
            h("strong", {}, policy),
            h("span", {}, `version ${whole(version)}`),
            used ? mark("in use", "good") : null,
          ),
          h(
            "ul",
            { class: "chips" },
            ...arms.map((arm) => {
              const off = paused.includes(arm);
              const act = () => actions.arm(off ? "resume" : "pause", policy, arm);
              const name = `${off ? "Resume" : "Pause"} ${arm}`;
              return h("li", { class: "chip" }, off ? `${arm}, paused` : arm, button(off ? "Resume" : "Pause", name, act));
            }),
          ),
          arms.length // else nothing learns from this log
            ? actionsOf(
                button("Snapshot", `Make a snapshot of ${policy}`, () => actions.snapshot(policy)),
                button("Roll back", `Roll ${policy} back`, () => actions.rollBack(policy, version)),
              )
            : null,
        ),
      ),
  });
}

export function modelsPanel(actions) {
  return new TablePanel({
    key: "models",
    title: "Models",
    note: "versions side by side: who answers, who is tried, who is compared; live figures are one worker's",
    nothing: "There is no version of the model.",
    rows: (deployed) => [
      ...deployed.problems.map(({ version, reason }) => h("p", { class: "entry critical" }, `${version}: ${reason}`)),
      table(
        ["Version", "Role", "Accuracy", "Answered", "p50", "Drift", "Change"],
        deployed.items.map((one) => modelRow(one, deployed, actions)),
      ),
    ],
  });
}

function modelRow(one, deployed, actions) {
  const { version, role, metrics, live } = one;
  const share = role === "canary" ? ` ${percent(deployed.serving.canary?.share)}` : "";
  const drift = Math.max(...Object.values(live?.psi ?? {}), -Infinity);
  return [
    version,
    role === undefined ? NOTHING : mark(role + share, role === "champion" ? "good" : ""),
    percent(metrics.clinc150_in_scope_accuracy),
    whole(live?.answered),
    Number.isFinite(live?.latency_p50_us) ? `${(live.latency_p50_us / 1_000).toFixed(1)} ms` : NOTHING,
    score(drift),
    actionsOf(
      role === "champion" ? null : button("Promote", `Promote ${version}`, () => actions.model("promote", one, deployed)),
      role === undefined ? button("Canary", `Make ${version} the canary`, () => actions.model("canary", one, deployed)) : null,
      role === undefined ? button("Shadow", `Make ${version} the shadow`, () => actions.model("shadow", one, deployed)) : null,
      role === "canary" || role === "shadow" ? button("End", `End the ${role}`, () => actions.end(role)) : null,
    ),
  ];
}

export function auditPanel(actions) {
  const panel = new TablePanel({
    key: "audit",
    title: "Changes, users and keys",
    note: "who changed what over the API, the newest first",
    nothing: "Nobody has changed anything yet.",
    rows: ({ items }) =>
      items.length === 0
        ? []
        : [
            h(
              "ul",
              { class: "entries", tabindex: "0", "aria-label": "Changes" },
              ...items.map(({ at_ms: atMs, by, action, subject, detail }) =>
                h(
                  "li",
                  { class: "entry" },
                  h("p", { class: "entry-top" }, h("strong", {}, inWords(action)), h("span", {}, by), h("span", { class: "entry-figures" }, clockOf(atMs))),
                  h("p", { class: "entry-text" }, [subject, Object.keys(detail).length === 0 ? "" : JSON.stringify(detail)].filter(Boolean).join(" ")),
                ),
              ),
            ),
          ],
  });
  panel.action("Key", "Make a key", () => actions.issueKey());
  panel.action("Revoke", "Revoke a user's keys", () => actions.revoke());
  panel.action("Ban", "Keep a user out", () => actions.ban());
  return panel;
}
