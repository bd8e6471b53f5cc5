/** The chat page: puts the parts together. */

import { Chat } from "../parlance/chat.js";
import { Connection, systemClock } from "../parlance/connection.js";
import { Credentials } from "../parlance/credentials.js";
import { Kept } from "../parlance/kept.js";
import { Composer } from "./composer.js";
import { setText } from "./dom.js";
import { Drawer } from "./drawer.js";
import { panelParts } from "./panel.js";
import { Status } from "./status.js";
import { Survey } from "./survey.js";
import { toast } from "./toasts.js";
import { View } from "./view.js";

const CLIENT = { name: "web", version: "1.0" };
/** Lets day names and a lapsed wait move on while nothing else happens. */
const REFRESH_MS = 20_000;

const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const shared = new Kept(() => localStorage);
const own = new Kept(() => sessionStorage);

const connection = new Connection({
  url: socketUrl(),
  client: CLIENT,
  credentials: new Credentials(shared),
  resume: () => chat.positions(),
});
const chat = new Chat({ connection, shared, own });

let explained = null;
const view = new View(parts, chat, {
  say,
  retry: (key) => chat.retry(key),
  discard: (key) => chat.discard(key),
  rate: (messageId, rating) => chat.rate(messageId, rating),
  explain,
  loadEarlier: () =>
    chat.loadEarlier().catch(({ message }) => toast(parts.toasts, `Earlier messages could not be loaded: ${message}`)),
});
const composer = new Composer(parts, own, say);
const survey = new Survey(
  parts.survey,
  shared,
  (rating) => connection.request({ type: "rate", ...rating }),
  (text) => toast(parts.toasts, text),
);
const drawer = new Drawer(parts, shared, () => draw());
const status = new Status(parts, systemClock, { now: () => connection.probe(), anew: () => connection.start() });

function socketUrl() {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function say(text) {
  explained = null;
  return chat.send(text);
}

function explain(messageId, opener) {
  const toggledOff = drawer.open && shownTurn().answer?.message_id === messageId;
  if (toggledOff) return drawer.close();
  explained = messageId;
  return drawer.show(opener);
}

/** The turn in the panel: the one asked for, else the last. */
function shownTurn() {
  const { messages } = chat;
  const last = messages.findLast((message) => message.from.kind === "customer") ?? null;
  const answerOf = (question) =>
    messages.find(({ from, reply_to: to }) => from.kind === "bot" && to === question.message_id) ?? null;
  const answer = explained ? messages.find(({ message_id: id }) => id === explained) : last && answerOf(last);
  const question = explained && answer ? (messages.find(({ message_id: id }) => id === answer.reply_to) ?? null) : last;
  const analysis = question && chat.analysisOf(question.message_id);
  return { question, answer: answer ?? null, analysis: analysis ?? null, latest: question === last };
}

function draw() {
  const turn = shownTurn();
  view.draw(drawer.open ? turn.answer?.message_id : null);
  if (drawer.open) drawPanel(turn);
  survey.draw(chat.messages);
  setText(parts.standing, chat.standing);
  parts.standing.hidden = chat.standing === "";
  unread();
}

let panelShows = "";
function drawPanel(turn) {
  const shows = JSON.stringify([
    turn.question?.message_id,
    turn.answer?.message_id,
    turn.analysis !== null,
    turn.latest,
  ]);
  if (shows === panelShows) return;
  panelShows = shows;
  parts["panel-body"].replaceChildren(...panelParts(turn));
}

let read = 0;
function unread() {
  const { messages } = chat;
  const newest = messages.at(-1)?.offset ?? 0;
  if (!document.hidden || !chat.loaded || read === 0) read = newest;
  const others = messages.filter((message) => message.offset > read && !chat.isOwn(message)).length;
  document.title = others > 0 ? `(${others}) Parlance` : "Parlance";
}

function startNew() {
  explained = null;
  read = 0;
  view.reset();
  const left = chat.startNew();
  toast(parts.toasts, "This is a new conversation.", { label: "Go back", run: () => goBack(left) });
  composer.focus();
}

function goBack(key) {
  read = 0;
  view.reset();
  chat.follow(key);
  composer.focus();
}

function otherTab({ key }) {
  const { conversation, ratings } = Chat.storageKeys;
  if (key === Credentials.storageKey) connection.tokenChanged();
  else if (key === conversation || key === ratings) {
    if (key === conversation) view.reset();
    chat.refresh();
  }
}

function listen() {
  connection.on("state", (state) => status.show(state));
  chat.on("change", draw);
  chat.on("notice", ({ text }) => toast(parts.toasts, text));
  parts["new-conversation"].addEventListener("click", startNew);
  addEventListener("storage", otherTab);
  addEventListener("online", () => connection.probe());
  addEventListener("offline", () => connection.probe());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    connection.probe();
    draw();
  });
  setInterval(draw, REFRESH_MS);
}

listen();
draw();
connection.start();
if (matchMedia("(hover: hover) and (pointer: fine)").matches) composer.focus();
