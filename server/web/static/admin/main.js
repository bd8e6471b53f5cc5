/** The admin's page: signs in, listens to the channels of admins, and draws once a second what it heard. */

import { h, setText } from "../chat/dom.js";
import { toast } from "../chat/toasts.js";
import { Connection } from "../parlance/connection.js";
import { Kept } from "../parlance/kept.js";
import { ChartPanel } from "./charts.js";
import { CHARTS, TILES } from "./figures.js";
import { History, SILENT_MS } from "./history.js";
import { Actions } from "./actions.js";
import { AlertPanel } from "./alerts.js";
import { conversationsPanel, TurnsDrawer } from "./conversations.js";
import { QueuePanel } from "./lists.js";
import { Rest } from "./rest.js";
import { Source } from "./source.js";
import { voicesPanel } from "./voices.js";
import { auditPanel, experimentsPanel, intentsPanel, modelsPanel, policiesPanel, workersPanel } from "./tables.js";
import { StaffSession, takeTokenFromAddress } from "../parlance/staff_session.js";
import { Alerts, Queue } from "../parlance/waiting.js";
import { durationOf, NOTHING, secondOf } from "./words.js";

const CLIENT = { name: "admin", version: "1.0" };
const [METRICS, ALERTS, QUEUE] = ["admin:metrics", "admin:alerts", "agent:queue"];
const RANGES = [
  { label: "5 min", ms: 300_000 },
  { label: "15 min", ms: 900_000 },
  { label: "1 h", ms: 3_600_000 },
];
const DRAW_EVERY_MS = 1_000;

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const session = new StaffSession(new Kept(() => sessionStorage), "admin");
const connection = new Connection({ url: socketUrl(), client: CLIENT, credentials: session, resume: () => ({}) });
const history = new History();
const [queue, alerts] = [new Queue(), new Alerts()];
const rest = new Rest(session);
/** What is asked for over REST, and how often. */
const sources = {
  conversations: new Source(() => rest.get("v1/insight/conversations?limit=30"), 5_000),
  silences: new Source(async () => (await rest.get("v1/alerts/silences")).items, 15_000),
  intents: new Source(() => rest.get("v1/insight/intents"), 30_000),
  policies: new Source(() => rest.get("v1/policies"), 10_000),
  models: new Source(() => rest.get("v1/models"), 10_000),
  experiments: new Source(readExperiments, 30_000),
  voices: new Source(readVoices, 30_000),
  audit: new Source(() => rest.get("v1/audit?limit=20"), 10_000),
};
const actions = new Actions(rest, parts.toasts, changed);
const drawer = new TurnsDrawer(rest);
const panels = {
  charts: CHARTS.map((what) => new ChartPanel(what, save)),
  queue: new QueuePanel(),
  alerts: new AlertPanel(actions),
  workers: workersPanel(() => nowMs()),
};
const asked = {
  conversations: conversationsPanel((one) => drawer.open(one)),
  intents: intentsPanel(),
  models: modelsPanel(actions),
  experiments: experimentsPanel(actions),
  policies: policiesPanel(actions),
  voices: voicesPanel(actions),
  audit: auditPanel(actions),
};
/** The server's clock less this one's: waits and axes are told in the server's time. */
let skewMs = 0;
let rangeMs = RANGES[0].ms;
let pausedAtMs = null;
/** Why a channel can't be heard, by channel. */
const refused = new Map();

function socketUrl() {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

const nowMs = () => Date.now() + skewMs;

/** Every experiment, those that take or took users with what is known of them. */
async function readExperiments() {
  const { items } = await rest.get("v1/experiments");
  const read = async (document) => {
    const wanted = document.state === "running" || document.state === "paused";
    const report = wanted ? await rest.get(`v1/experiments/${encodeURIComponent(document.id)}/report`) : null;
    return { document, report };
  };
  return { items: await Promise.all(items.map(read)) };
}

async function readVoices() {
  const [personas, rules] = await Promise.all(["personas", "mood_rules"].map((kind) => rest.get(`v1/documents/${kind}`)));
  return { personas, rules };
}

/** Something was changed here: ask again for what shows it. */
async function changed(name) {
  await Promise.all([sources[name]?.refresh(), sources.audit.refresh()]);
  draw();
}

async function welcomed({ user, time_ms: serverMs }) {
  if (user.kind !== "admin") {
    session.signOut();
    return askToSignIn(`This is a token of kind ${user.kind}. The page needs one of kind admin.`);
  }
  if (Number.isFinite(serverMs)) skewMs = serverMs - Date.now();
  showFigures();
  for (const channel of [METRICS, ALERTS, QUEUE]) {
    try {
      await connection.request({ type: "subscribe", channel });
      refused.delete(channel);
    } catch (error) {
      refused.set(channel, `The server does not let this page hear ${channel}: ${error.message}`);
    }
  }
  draw();
}

function heard({ type, channel, name, data }) {
  if (type !== "event") return;
  if (channel === METRICS) history.push(data);
  else if (channel === QUEUE) queue.hear(name, data);
  else if (channel === ALERTS) alerts.hear(name, data);
}

function askToSignIn(sentence) {
  parts["sign-in"].hidden = false;
  parts.figures.hidden = parts.tools.hidden = true;
  setText(parts["sign-in-problem"], sentence);
  showLink({ state: "idle" });
  parts.token.focus();
}

function showFigures() {
  parts["sign-in"].hidden = true;
  parts.figures.hidden = parts.tools.hidden = false;
}

function showLink({ state, sentence = "" }) {
  const words = {
    idle: "Not signed in",
    connecting: "Connecting",
    online: "Live",
    waiting: sentence || "No connection, trying again",
    stopped: sentence || "Disconnected",
  };
  parts.link.dataset.state = state;
  setText(parts["link-text"], words[state]);
}

/** How much can be believed of a channel's panels. */
function freshnessOf(channel) {
  if (refused.has(channel)) return { state: "failed", sentence: refused.get(channel) };
  if (channel !== METRICS) {
    const known = channel === QUEUE ? queue.known : alerts.known;
    if (connection.online && known) return { state: "live", sentence: "" };
    return known
      ? { state: "stale", sentence: "No connection: as it was when last heard." }
      : { state: "stale", sentence: "Not heard yet." };
  }
  if (history.latest === null) return { state: "stale", sentence: "Waiting for the first figures." };
  const silentMs = nowMs() - history.latest.at_ms;
  if (silentMs <= SILENT_MS) return { state: "live", sentence: "" };
  return { state: "stale", sentence: `No news for ${durationOf(silentMs)}.` };
}

function draw() {
  if (document.hidden || parts.figures.hidden) return;
  drawTiles();
  panels.queue.draw(queue, nowMs(), freshnessOf(QUEUE));
  panels.alerts.draw(alerts, sources.silences.value, freshnessOf(ALERTS));
  drawMore();
  const endMs = pausedAtMs ?? nowMs();
  for (const panel of panels.charts) panel.draw(history, [endMs - rangeMs, endMs], freshnessOf(METRICS));
}

function drawMore() {
  const figures = history.latest;
  const workers = freshnessOf(METRICS);
  panels.workers.draw(figures?.per_worker ?? null, workers);
  for (const [name, panel] of Object.entries(asked)) panel.draw(sources[name].value, sources[name].freshness);
  if (!connection.online) return;
  for (const source of Object.values(sources)) source.look();
}

function drawTiles() {
  const fresh = freshnessOf(METRICS).state === "live";
  parts.tiles.dataset.state = fresh ? "live" : "stale";
  for (const [index, { tell, bad }] of TILES.entries()) {
    const figure = parts.tiles.children[index].lastChild;
    setText(figure, history.latest === null ? NOTHING : tell(history.latest));
    figure.classList.toggle("bad", history.latest !== null && bad?.(history.latest) === true);
  }
}

function pause() {
  pausedAtMs = pausedAtMs === null ? nowMs() : null;
  parts.pause.setAttribute("aria-pressed", String(pausedAtMs !== null));
  setText(parts.pause, pausedAtMs === null ? "Pause" : `Paused at ${secondOf(pausedAtMs - skewMs)}`);
  draw();
}

function showRange(ms) {
  rangeMs = ms;
  for (const button of parts.ranges.children) button.setAttribute("aria-pressed", String(button.value === String(ms)));
  draw();
}

function save(name, blob) {
  if (blob === null) return toast(parts.toasts, "This browser could not make the picture.");
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return toast(parts.toasts, `Saved as ${name}.`);
}

function signIn(event) {
  event.preventDefault();
  const token = parts.token.value.trim();
  parts.token.value = "";
  setText(parts["sign-in-problem"], "");
  if (token !== "" && !session.signIn(token)) connection.tokenChanged();
}

function build() {
  parts.tiles.append(...TILES.map(({ name }) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, NOTHING))));
  const roots = [...panels.charts, panels.queue, panels.alerts].map(({ root }) => root);
  parts.panels.append(...roots);
  const { conversations, intents, models, experiments, policies, voices, audit } = asked;
  const more = [conversations, intents, panels.workers, models, experiments, policies, voices, audit];
  parts.more.append(...more.map(({ root }) => root));
  for (const { label, ms } of RANGES) {
    const button = h("button", { type: "button", class: "button", value: ms, onclick: () => showRange(ms) }, label);
    parts.ranges.append(button);
  }
  showRange(rangeMs);
}

function listen() {
  connection.on("state", showLink);
  connection.on("welcome", welcomed);
  connection.on("push", heard);
  session.on("asked", ({ sentence }) => askToSignIn(sentence));
  parts["sign-in"].addEventListener("submit", signIn);
  parts.pause.addEventListener("click", pause);
  parts["sign-out"].addEventListener("click", () => {
    session.signOut();
    location.reload();
  });
  for (const type of ["online", "offline"]) addEventListener(type, () => connection.probe());
  document.addEventListener("visibilitychange", () => document.hidden || connection.probe());
  document.addEventListener("visibilitychange", draw);
  setInterval(draw, DRAW_EVERY_MS);
}

build();
takeTokenFromAddress(session);
listen();
connection.start();
