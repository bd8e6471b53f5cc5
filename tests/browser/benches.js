// The modules on a scripted socket and a clock moved by hand: `t` in the tests' scripts.

import { Chat } from "/static/parlance/chat.js";
import { Connection } from "/static/parlance/connection.js";
import { Credentials } from "/static/parlance/credentials.js";
import { Kept } from "/static/parlance/kept.js";
import { ManualClock, memory, scripted, settle, welcome } from "/scripted.js";

const EPOCH_MS = 1_000_000;

/** What both benches can do with the sockets that were dialled so far. */
function wires() {
  const clock = new ManualClock();
  const { Socket, sockets } = scripted();
  const t = { clock, Socket, sockets, settle, random: 0.5 };
  t.socket = () => sockets.at(-1);
  t.last = (type) => t.socket().last(type);
  t.sent = (type) => sockets.flatMap(({ sent }) => sent.filter((frame) => frame.type === type));
  t.push = (...frames) => t.socket().says(...frames);
  /** The server answers the newest request of a type. */
  t.answer = (type, frame) => t.push({ ...frame, id: t.last(type).id });
  t.refuse = (type, code, message, more = {}) =>
    t.answer(type, { type: "error", code, name: "error", message, temporary: false, ...more });
  t.welcomed = async (more = {}) => {
    await settle();
    await t.socket().opens();
    await t.push(welcome(t.last("connect").id, more));
  };
  return t;
}

export function connectionBench() {
  const t = wires();
  const storage = memory();
  Object.assign(t, { resume: {}, states: [], pushes: [] });
  t.credentials = new Credentials(new Kept(() => storage), null);
  t.connection = new Connection({
    url: "ws://x/ws",
    client: { name: "web", version: "1" },
    credentials: t.credentials,
    resume: () => t.resume,
    Socket: t.Socket,
    clock: t.clock,
    random: () => t.random,
  });
  t.connection.on("state", (state) => t.states.push(state));
  t.connection.on("push", (frame) => t.pushes.push(frame));
  t.start = async () => {
    t.connection.start();
    await settle();
  };
  t.up = async (more) => {
    await t.start();
    await t.welcomed(more);
  };
  t.waitMs = () => t.connection.state.retryAt - t.clock.now();
  /** The socket closes; returns how long the page means to wait, and lets that time pass. */
  t.lose = async (code = 1006) => {
    await t.socket().ends(code);
    const waitMs = t.waitMs();
    await t.clock.advance(waitMs);
    return waitMs;
  };
  return t;
}

export function chatBench() {
  const t = wires();
  const wallMs = () => EPOCH_MS + t.clock.now();
  Object.assign(t, { notices: [], shared: memory(), own: memory() });
  t.me = { id: "u1", kind: "customer", name: "Guest" };
  t.bot = { id: "bot", kind: "bot", name: "Parlance" };
  /** A tab is opened, or reloaded. */
  t.tab = () => {
    const shared = new Kept(() => t.shared);
    const world = { clock: t.clock, random: () => t.random };
    const credentials = new Credentials(shared, null);
    const resume = () => t.chat.positions();
    t.connection = new Connection({ url: "ws://x/ws", client: {}, credentials, resume, Socket: t.Socket, ...world });
    t.chat = new Chat({ connection: t.connection, shared, own: new Kept(() => t.own), wallMs, ...world });
    t.chat.on("notice", ({ text }) => t.notices.push(text));
    t.connection.start();
  };
  t.message = (offset, more = {}) => ({
    type: "message",
    channel: "conv:1",
    epoch: "e",
    offset,
    message_id: `m${offset}`,
    at_ms: EPOCH_MS,
    from: t.me,
    text: `t${offset}`,
    ...more,
  });
  t.messages = (...offsets) => offsets.map((offset) => t.message(offset));
  t.hello = (more) => t.welcomed({ user: t.me, time_ms: wallMs(), ...more });
  t.opened = (offset = 0, channel = "conv:1") =>
    t.answer("open", { type: "opened", channel, epoch: "e", offset, duplicate: false, conversation: { state: "bot" } });
  t.page = (messages = [], more = {}) =>
    t.answer("history", { type: "history", channel: "conv:1", epoch: "e", messages, more: false, ...more });
  /** Connected, opened, loaded. */
  t.up = async (messages = []) => {
    await t.hello();
    await t.opened(messages.at(-1)?.offset ?? 0);
    await t.page(messages);
  };
  t.lose = async () => {
    await t.socket().ends(1006);
    await t.clock.advance(t.connection.state.retryAt - t.clock.now());
  };
  /** Lost, and back with this entry of `welcome.channels`. */
  t.resume = async (entry) => {
    await t.lose();
    await t.hello({ channels: { "conv:1": { recovered: true, epoch: "e", offset: 0, messages: [], ...entry } } });
  };
  t.write = async (text) => {
    t.chat.send(text);
    await settle();
  };
  t.ack = (offset, duplicate = false) => {
    const { key, channel } = t.last("send");
    return t.answer("send", {
      type: "ack",
      channel,
      key,
      message_id: `m${offset}`,
      offset,
      at_ms: EPOCH_MS,
      duplicate,
    });
  };
  t.position = () => t.chat.positions()["conv:1"].offset;
  t.keys = () => t.sent("send").map(({ key }) => key);
  t.shown = () => [
    ...t.chat.messages.map(({ text }) => text),
    ...t.chat.unsent.map(({ text, state }) => `${text} (${state})`),
  ];
  t.tab();
  return t;
}
