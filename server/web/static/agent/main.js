/** The agent's page: signs in, follows who waits, and lets a person answer. */

import { h, setText } from "../chat/dom.js";
import { toast } from "../chat/toasts.js";
import { Connection } from "../parlance/connection.js";
import { Kept } from "../parlance/kept.js";
import { StaffSession, takeTokenFromAddress } from "../parlance/staff_session.js";
import { Api, conversationPath } from "./api.js";
import { Beside } from "./beside.js";
import { Canned, filled } from "./canned.js";
import { Desk } from "./desk.js";
import { Notes } from "./notes.js";
import { Notifier } from "./notifier.js";
import { Order } from "./order.js";
import { Passing } from "./passing.js";
import { Search } from "./search.js";
import { Standing } from "./standing.js";
import { Suggesting } from "./suggesting.js";
import { View } from "./view.js";

const CLIENT = { name: "agent", version: "1.0" };
/** Waiting times grow, and the desk says so. */
const REFRESH_MS = 1_000;
const KEYS = [
  ["Alt N", "take the next who waits"],
  ["Alt ↑, Alt ↓", "the conversation above, below"],
  ["Alt R", "resolve, or reopen"],
  ["Alt P", "pass on"],
  ["Alt B", "back to the bot"],
  ["Alt W", "close the conversation here"],
  ["Alt A", "suggested answers"],
  ["Alt 1 to Alt 9", "put a suggestion into the answer"],
  ["Alt S", "search conversations"],
  ["Alt D", "details: mood, customer, notes"],
  ["Alt T", "write a note"],
  ["/", "saved replies, in an empty answer"],
  ["Enter, Shift Enter", "send, begin a new line"],
];

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const [shared, own] = [new Kept(() => localStorage), new Kept(() => sessionStorage)];
const session = new StaffSession(own, "agent");
const connection = new Connection({
  url: socketUrl(),
  client: CLIENT,
  credentials: session,
  resume: () => desk.positions(),
});
const order = new Order(shared);
const desk = new Desk({ connection, kept: own, order, analysesOf });
const view = new View(parts, desk, (agentId) => standing.nameOf(agentId));
const canned = new Canned(shared);
const notifier = new Notifier(shared, parts.notify);
const api = new Api(session);
const standing = new Standing({ parts, api, connection });
const notes = new Notes(api, () => beside.draw());
const beside = new Beside({ parts, desk, api, notes, show: (channel) => show(() => desk.open(channel)) });
const suggesting = new Suggesting({ parts, desk, api, canned, take: insert });
const passing = new Passing({ parts, desk, api });
const search = new Search({ parts, api, show: (channel) => show(() => desk.open(channel)) });
let skewMs = 0;

function socketUrl() {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

async function analysesOf(channel) {
  return (await api.get(conversationPath(channel, "analyses"))).items;
}

function welcomed({ user, time_ms: timeMs, notifications = [] }) {
  if (user.kind !== "agent" && user.kind !== "admin") {
    session.signOut();
    return askToSignIn(`This is a token of kind ${user.kind}. The page needs one of kind agent.`);
  }
  if (Number.isFinite(timeMs)) skewMs = timeMs - Date.now();
  showLink(connection.state);
  parts["sign-in"].hidden = true;
  parts.lists.hidden = parts.thread.hidden = parts.tools.hidden = false;
  beside.forget();
  standing.load(user).then(draw);
  for (const notification of notifications) passedOn(notification);
  return draw();
}

/** A colleague has passed a conversation on to whoever is signed in. */
function passedOn({ data, notification_id: id, title }) {
  const channel = data?.transfer;
  if (typeof channel !== "string") return;
  desk.put(channel);
  notifier.tell(title);
  toast(parts.toasts, title, { label: "Show", run: () => show(() => desk.open(channel)) });
  connection.request({ type: "seen", notification_id: id }).catch(() => {}); // told again by the next welcome
}

function askToSignIn(sentence) {
  parts["sign-in"].hidden = false;
  parts.lists.hidden = parts.thread.hidden = parts.tools.hidden = parts.panel.hidden = true;
  setText(parts["sign-in-problem"], sentence);
  showLink({ state: "idle" });
  parts.token.focus();
}

function showLink({ state, sentence = "" }) {
  const words = {
    idle: "Not signed in",
    connecting: "Connecting",
    online: desk.me ? `${desk.me.name}, online` : "Online",
    waiting: sentence || "No connection, trying again",
    stopped: sentence || "Disconnected",
  };
  parts.link.dataset.state = state;
  setText(parts["link-text"], words[state]);
}

function draw() {
  if (parts.lists.hidden) return;
  view.draw(Date.now() + skewMs);
  beside.draw();
  suggesting.draw();
  parts.send.disabled = parts.text.value.trim() === "" || !desk.holds(desk.current);
  const waiting = desk.waiting.length;
  document.title = waiting > 0 ? `(${waiting}) Parlance desk` : "Parlance desk";
  if (!document.hidden) desk.read();
}

/** The box holds the draft of the conversation that is shown. */
async function show(open) {
  if (desk.current) desk.current.draft = parts.text.value;
  parts.desk.dataset.pane = "thread";
  const opening = open();
  parts.text.value = desk.current?.draft ?? "";
  draw();
  await opening;
  draw();
  view.toEnd();
  if (desk.holds(desk.current)) parts.text.focus();
}

function close() {
  if (desk.current === null) return;
  desk.close(desk.current.channel);
  parts.text.value = desk.current?.draft ?? "";
  if (desk.current === null) parts.desk.dataset.pane = "lists";
}

function takeNext() {
  const next = desk.waiting.at(0);
  if (next === undefined) return toast(parts.toasts, "Nobody waits.");
  return show(() => desk.claim(next.channel));
}

function step(by) {
  const { threads, current } = desk;
  const next = threads[threads.indexOf(current) + by];
  if (next) show(() => desk.open(next.channel));
}

function send(event) {
  event.preventDefault();
  if (!desk.send(parts.text.value)) return;
  parts.text.value = "";
  offer();
  draw();
  view.toEnd();
}

/** Saved replies that the text may become. */
function offer() {
  const found = canned.matching(parts.text.value);
  parts.canned.hidden = found.length === 0;
  const option = ([name, text], index) =>
    h(
      "li",
      { role: "option", "aria-selected": String(index === 0), class: "canned-option", onclick: () => take(text) },
      h("strong", {}, `/${name}`),
      ` ${filled(text, desk.current?.customer ?? "")}`,
    );
  parts.canned.replaceChildren(...found.map(option));
}

function take(text) {
  parts.text.value = filled(text, desk.current?.customer ?? "");
  offer();
  draw();
  parts.text.focus();
}

/** A suggestion becomes part of the draft; a person sends it. */
function insert(text) {
  const { text: box } = parts;
  const before = box.value.slice(0, box.selectionStart);
  const gap = before === "" || /\s$/u.test(before) ? "" : " ";
  box.setRangeText(gap + text, box.selectionStart, box.selectionEnd, "end");
  box.focus();
  desk.typing();
  offer();
  draw();
}

function key(event) {
  if (event.isComposing) return;
  const offered = canned.matching(parts.text.value);
  if ((event.key === "Enter" || event.key === "Tab") && offered.length > 0 && !event.shiftKey) {
    event.preventDefault();
    take(offered[0][1]);
  } else if (event.key === "Enter" && !event.shiftKey) send(event);
}

function shortcut(event) {
  if (!event.altKey || event.ctrlKey || event.metaKey || parts.lists.hidden) return;
  const run = {
    KeyN: takeNext,
    KeyR: () => desk.holds(desk.current) && desk.resolve(),
    KeyP: () => passing.open(),
    KeyS: () => search.open(),
    KeyA: () => desk.holds(desk.current) && suggesting.toggle(),
    KeyD: insight,
    KeyT: note,
    KeyB: () => desk.holds(desk.current) && desk.release(),
    KeyW: close,
    ArrowUp: () => step(-1),
    ArrowDown: () => step(1),
  }[event.code];
  const place = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (place !== undefined && suggesting.pick(Number(place))) event.preventDefault();
  if (!run) return;
  event.preventDefault();
  run();
}

function clicked(event) {
  const button = event.target.closest("[data-do]");
  if (button === null) return;
  const { channel } = button.dataset;
  if (button.dataset.do === "refuse") {
    const failed = ({ message }) => toast(parts.toasts, `The offer could not be refused: ${message}`);
    return void api.post(conversationPath(channel, "refuse")).catch(failed);
  }
  show(() => (button.dataset.do === "claim" ? desk.claim(channel) : desk.open(channel)));
}

function editCanned() {
  parts["canned-text"].value = canned.lines;
  setText(parts["canned-problem"], "");
  parts["canned-dialog"].showModal();
}

function saveCanned() {
  const problem = canned.save(parts["canned-text"].value);
  setText(parts["canned-problem"], problem);
  if (problem === "") parts["canned-dialog"].close();
}

function insight() {
  parts.panel.hidden = !parts.panel.hidden;
  parts.insight.setAttribute("aria-expanded", String(!parts.panel.hidden));
  draw();
}

function note() {
  if (desk.current === null) return;
  if (parts.panel.hidden) insight();
  beside.write();
}

function signIn(event) {
  event.preventDefault();
  const token = parts.token.value.trim();
  parts.token.value = "";
  setText(parts["sign-in-problem"], "");
  if (token !== "" && !session.signIn(token)) connection.tokenChanged();
}

function signOut() {
  session.signOut();
  for (const { channel } of desk.threads) desk.close(channel);
  location.reload();
}

function listen() {
  connection.on("state", showLink);
  connection.on("welcome", welcomed);
  session.on("asked", ({ sentence }) => askToSignIn(sentence));
  desk.on("change", draw);
  connection.on("push", (frame) => {
    if (frame.type === "notification") passedOn(frame);
    notes.hear(frame);
  });
  desk.on("notice", ({ text }) => toast(parts.toasts, text));
  const tell = ({ item }) => notifier.tell(item.last_text ?? "Somebody waits for a human.");
  desk.on("arrived", (arrival) => standing.routing === "pull" && tell(arrival));
  desk.on("offered", tell);
  parts.order.value = order.value;
  parts.order.addEventListener("change", () => {
    order.value = parts.order.value;
    draw();
  });
  const on = (name, run) => parts[name].addEventListener("click", run);
  on("next", takeNext);
  on("claim", () => show(() => desk.claim(desk.current.channel)));
  on("release", () => desk.release());
  on("resolve", () => desk.resolve());
  on("close", close);
  on("back", () => (parts.desk.dataset.pane = "lists"));
  on("insight", insight);
  on("pass", () => passing.open());
  on("find", () => search.open());
  on("earlier", () => desk.loadEarlier().catch(({ message }) => toast(parts.toasts, message)));
  on("edit-canned", editCanned);
  on("canned-save", saveCanned);
  on("help", () => parts["help-dialog"].showModal());
  on("sign-out", signOut);
  parts.lists.addEventListener("click", clicked);
  parts["sign-in"].addEventListener("submit", signIn);
  parts.reply.addEventListener("submit", send);
  parts.text.addEventListener("keydown", key);
  parts.text.addEventListener("input", () => {
    desk.typing();
    offer();
    draw();
  });
  document.addEventListener("keydown", shortcut);
  for (const type of ["online", "offline"]) addEventListener(type, () => connection.probe());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    connection.probe();
    draw();
  });
  setInterval(draw, REFRESH_MS);
}

parts.keys.append(...KEYS.flatMap(([name, what]) => [h("dt", {}, name), h("dd", {}, what)]));
takeTokenFromAddress(session);
listen();
connection.start();
if (matchMedia("(min-width: 80rem)").matches) insight();
