/** The admin's page: signs in, listens to the channels of admins, and draws once a second what it heard. */

import { h, setText } from "../chat/dom.js";
import { toast } from "../chat/toasts.js";
import { Connection } from "../parlance/connection.js";
import { Kept } from "../parlance/kept.js";
import { ChartPanel } from "./charts.js";
import { CHARTS, TILES } from "./figures.js";
import { FlagActions, flagsPanel } from "./flags.js";
import { History, SILENT_MS } from "./history.js";
import { Actions } from "./actions.js";
import { AlertPanel } from "./alerts.js";
import { conversationsPanel, TurnsDrawer } from "./conversations.js";
import { Doing } from "./doing.js";
import { ExperimentActions, experimentsPanel } from "./experiments.js";
import { doubtsPanel, IntentActions, ownIntentsPanel } from "./intents.js";
import { OutcomesPanel } from "./outcomes.js";
import { QueuePanel } from "./lists.js";
import { Rest } from "./rest.js";
import { sourcesOf } from "./sources.js";
import { voicesPanel } from "./voices.js";
import { auditPanel, intentsPanel, modelsPanel, policiesPanel, workersPanel } from "./tables.js";
import { Tabs } from "./tabs.js";
import { Turns } from "./turns.js";
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
const kept = new Kept(() => sessionStorage);
const session = new StaffSession(kept, "admin");
const connection = new Connection({ url: socketUrl(), client: CLIENT, credentials: session, resume: () => ({}) });
const history = new History();
const [queue, alerts] = [new Queue(), new Alerts()];
const rest = new Rest(session);
const sources = sourcesOf(rest);
const doing = new Doing(rest, parts.toasts, changed);
const actions = new Actions(doing);
const intentActions = new IntentActions(doing);
const drawer = new TurnsDrawer(rest);
const panels = {
  charts: CHARTS.map((what) => new ChartPanel(what, save)),
  queue: new QueuePanel(),
  alerts: new AlertPanel(actions),
  workers: workersPanel(() => nowMs()).exported(save),
};
/** The panels over REST, by the name of their source. */
const asked = {
  conversations: conversationsPanel((one) => drawer.open(one)),
  outcomes: new OutcomesPanel(save),
  intents: intentsPanel().exported(save),
  models: modelsPanel(actions).exported(save),
  flags: flagsPanel(new FlagActions(doing)),
  own: ownIntentsPanel(intentActions),
  doubts: doubtsPanel(intentActions, () => sources.own.value?.known ?? []),
  experiments: experimentsPanel(new ExperimentActions(doing)),
  policies: policiesPanel(actions),
  voices: voicesPanel(actions),
  audit: auditPanel(actions),
};
const rooms = [
  { key: "now", title: "Now", panels: [...panels.charts, panels.queue, panels.alerts], sources: ["silences"] },
  { key: "customers", title: "Customers", panels: [asked.outcomes, asked.intents, asked.conversations], sources: ["outcomes", "intents", "conversations"] },
  { key: "bot", title: "Bot", panels: [asked.flags, asked.policies, asked.voices], sources: ["flags", "policies", "voices"] },
  { key: "experiments", title: "Experiments", panels: [asked.experiments], sources: ["experiments"] },
  { key: "understanding", title: "Understanding", panels: [asked.doubts, asked.own, asked.models], sources: ["own", "doubts", "models"] },
  { key: "operation", title: "Operation", panels: [panels.workers, asked.audit], sources: ["audit"] },
];
const turns = new Turns();
let tabs = null;
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
  tabs.count("now", alerts.standing.length);
  const shown = rooms.find(({ key }) => key === tabs.shown);
  if (shown.key === "now") drawNow();
  if (shown.key === "operation") panels.workers.draw(history.latest?.per_worker ?? null, freshnessOf(METRICS));
  for (const name of shown.sources) asked[name]?.draw(sources[name].value, sources[name].freshness);
  if (connection.online) for (const name of shown.sources) look(name);
}

function drawNow() {
  turns.take("queue", () => panels.queue.draw(queue, nowMs(), freshnessOf(QUEUE)));
  turns.take("alerts", () => panels.alerts.draw(alerts, sources.silences.value, freshnessOf(ALERTS)));
  const endMs = pausedAtMs ?? nowMs();
  const shown = [endMs - rangeMs, endMs];
  for (const panel of panels.charts) turns.take(panel, () => panel.draw(history, shown, freshnessOf(METRICS)));
}

/** Ask where it is time to, and draw what came at once: whoever opens a tab waits for it. */
async function look(name) {
  const source = sources[name];
  const known = source.value !== null;
  await source.look();
  if (!known) asked[name]?.draw(source.value, source.freshness);
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
  tabs = new Tabs({ list: parts.tabs, rooms: parts.rooms }, rooms, kept, (key) => {
    for (const part of [parts.ranges, parts.pause]) part.hidden = key !== "now"; // they are about its charts
    parts.figures.dataset.tab = key;
    if (tabs !== null) draw();
  });
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
