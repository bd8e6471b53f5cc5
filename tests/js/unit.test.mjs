// The package as npm packs it, in Node, on scripted sockets and a clock moved by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, connect, decode, encode, Identity, JSON_CODEC, Kept, SignInNeeded } from "parlance-client";
import { ManualClock, memory, scripted, settle, welcome } from "../browser/scripted.js";

function bench(options = {}) {
  const clock = new ManualClock();
  const { Socket, sockets } = scripted();
  const client = new Client("ws://x/ws", { WebSocket: Socket, clock, random: () => 0.5, wallMs: () => 1, ...options });
  const heard = [];
  for (const type of ["message", "missed", "acked", "failed", "typing", "event"])
    client.on(type, (detail) => heard.push([type, detail.offset ?? detail.key ?? detail.name ?? null]));
  const socket = () => sockets.at(-1);
  const up = async (more) => {
    client.connect().catch(() => {});
    await settle();
    await socket().opens();
    await socket().says(welcome(socket().last("connect").id, more));
  };
  const back = async (more) => {
    await socket().ends(1006);
    await clock.advance(client.state.retryAt - clock.now());
    await socket().opens();
    await socket().says(welcome(socket().last("connect").id, more));
  };
  const answer = (type, frame) => socket().says({ id: socket().last(type).id, ...frame });
  const message = (offset, more = {}) => ({
    type: "message",
    channel: "conv:1",
    epoch: "e",
    offset,
    text: "",
    ...more,
  });
  return { client, clock, sockets, heard, socket, up, back, answer, message };
}

async function subscribed(t, offset = 0) {
  const asked = t.client.subscribe("conv:1");
  await settle();
  await t.answer("subscribe", {
    type: "subscribed",
    channel: "conv:1",
    epoch: "e",
    offset,
    recovered: false,
    messages: [],
  });
  return asked;
}

test("each message is handed over once, and a reconnect resumes after the last", async () => {
  const t = bench();
  await t.up();
  await subscribed(t, 4);
  await t.socket().says(t.message(5), t.message(5), t.message(6), { type: "typing", channel: "conv:1" });
  const entry = { recovered: true, epoch: "e", offset: 8, messages: [t.message(7), t.message(8)] };
  await t.back({ channels: { "conv:1": entry } });
  assert.deepEqual(t.socket().last("connect").resume, { "conv:1": { epoch: "e", offset: 6 } });
  await t.socket().says(t.message(8), t.message(9));
  assert.deepEqual(
    t.heard.map(([type, offset]) => offset ?? type),
    [5, 6, "typing", 7, 8, 9],
  );
});

test("what can't be recovered is told, and the next resume starts there", async () => {
  const t = bench();
  await t.up();
  await subscribed(t, 4);
  await t.back({ channels: { "conv:1": { recovered: false, epoch: "e", offset: 4000, messages: [] } } });
  assert.deepEqual(t.heard, [["missed", 4000]]);
  await t.back({ channels: { "conv:1": { error: { code: 404, name: "not_found" } } } });
  assert.deepEqual(t.socket().last("connect").resume, { "conv:1": { epoch: "e", offset: 4000 } });
  await t.back();
  assert.deepEqual(t.socket().last("connect").resume, {});
});

test("what is sent while away waits in order, and a lost ack is asked for with the same key", async () => {
  const t = bench();
  const acks = ["one", "two"].map((text) => t.client.send("conv:1", text));
  await t.up();
  assert.equal(t.socket().last("send").text, "one");
  const { key } = t.socket().last("send");
  await t.back();
  assert.equal(t.socket().last("send").key, key);
  await t.answer("send", { type: "ack", channel: "conv:1", key, offset: 1, duplicate: true });
  await t.answer("send", { type: "ack", channel: "conv:1", key: t.socket().last("send").key, offset: 2 });
  assert.deepEqual(
    (await Promise.all(acks)).map(({ offset }) => offset),
    [1, 2],
  );
  assert.deepEqual(t.client.unsent("conv:1"), []);
});

test("a refusal rejects, and does not stop what comes after it", async () => {
  const t = bench();
  await t.up();
  const refused = t.client.send("conv:1", "no", { data: { a: 1 } });
  const acked = t.client.send("conv:1", "yes");
  await settle();
  assert.deepEqual(t.socket().last("send").data, { a: 1 });
  await t.answer("send", { type: "error", code: 403, name: "forbidden", message: "no", temporary: false });
  await t.answer("send", { type: "ack", channel: "conv:1", offset: 1 });
  await assert.rejects(refused, { code: 403, reason: "forbidden" });
  assert.equal((await acked).offset, 1);
});

test("what is unsent and who one is outlive a restart", async () => {
  const storage = memory();
  const before = bench({ storage });
  before.client.send("conv:1", "later", { key: "k1" });
  await before.up({ token: "GUEST" });
  before.client.close();
  const after = bench({ storage });
  await after.up();
  assert.equal(after.socket().last("connect").token, "GUEST");
  assert.equal(after.socket().last("send").key, "k1");
  await after.answer("send", { type: "ack", channel: "conv:1", key: "k1", offset: 1 });
  assert.deepEqual(after.heard, [["acked", "k1"]]);
});

test("a token function is asked again when its token was refused, and nobody becomes a guest by that", async () => {
  const given = ["OLD", "NEW", "NEW"];
  const t = bench({ token: async () => given.shift() });
  const first = assert.rejects(t.client.connect(), /expired/);
  await settle();
  await t.socket().opens();
  await t.socket().ends(4401);
  await t.socket().opens();
  assert.equal(t.socket().last("connect").token, "NEW");
  await t.socket().ends(4401);
  await t.clock.advance(15_000);
  await first;
  assert.deepEqual([t.client.state.state, t.client.state.code, t.sockets.length], ["stopped", 4401, 2]);
});

test("a back end that can't be reached is tried again; nobody signed in is the end", async () => {
  const answers = [() => Promise.reject(new Error("away")), () => "T"];
  const t = bench({ token: () => answers.shift()() });
  t.client.connect();
  await settle();
  assert.deepEqual([t.client.state.state, t.client.state.sentence], ["waiting", "The sign-in failed: away"]);
  await t.clock.advance(500);
  await t.socket().opens();
  assert.equal(t.socket().last("connect").token, "T");
  await assert.rejects(new Identity(() => null).claim(), SignInNeeded);
});

test("closed means closed, and connect begins anew", async () => {
  const t = bench();
  await t.up();
  t.client.close();
  await t.clock.advance(60_000);
  assert.deepEqual([t.sockets.length, t.client.state.state], [1, "idle"]);
  await t.up();
  assert.equal(t.client.online, true);
  const waiting = bench();
  const asked = waiting.client.connect();
  waiting.client.close();
  await assert.rejects(asked, /closed/);
});

test("what can't be encoded is refused here, in both encodings", async () => {
  const t = bench();
  await t.up();
  await assert.rejects(t.client.request({ type: "open", key: "k", metadata: { big: 1n } }), { code: 400 });
  assert.throws(() => new Client("ws://x", { encoding: "xml" }), /"json" or "msgpack"/);
  assert.throws(() => encode({ value: NaN }), TypeError);
  assert.throws(() => encode({ value: 1n }), TypeError);
  assert.deepEqual(JSON_CODEC.decode(JSON_CODEC.encode({ a: [1, "é"] })), { a: [1, "é"] });
  await assert.rejects(connect("ws://x", { encoding: "xml" }), TypeError);
});

test("MessagePack that lies about itself ends with an error", () => {
  for (const bytes of [
    [0xdd, 255, 255, 255, 255],
    [0xdb, 0, 0, 1, 0, 65],
    [0xc0, 0xc0],
    [0xc1],
    [0xd4, 1, 2],
    [0x81, 1, 2],
    [],
  ])
    assert.throws(() => decode(new Uint8Array(bytes)));
  assert.throws(() => decode(new Uint8Array(5000).fill(0x91)), RangeError);
  const odd = decode(new Uint8Array([0x81, 0xa9, ...Buffer.from("__proto__"), 0x01]));
  assert.deepEqual([Object.getPrototypeOf(odd), Object.keys(odd)], [Object.prototype, ["__proto__"]]);
});

test("a storage that fails is memory, and names can have a prefix", () => {
  const storage = memory();
  new Kept(() => storage, "shop:").set("a", 1);
  assert.equal(storage.getItem("shop:a"), "1");
  const broken = new Kept(() => {
    throw new Error("forbidden");
  });
  broken.set("a", [1]);
  assert.deepEqual(broken.get("a", null), [1]);
});
