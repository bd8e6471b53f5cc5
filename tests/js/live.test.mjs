// The package against a running server: the address and an agent's token are in the environment.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, freshKey, RequestError } from "parlance-client";

const { PARLANCE_URL: url, PARLANCE_STAFF_TOKEN: token } = process.env;

/** The first detail of an event that fits. */
const once = (client, type, fits = () => true) =>
  new Promise((resolve) => {
    const off = client.on(type, (detail) => {
      if (!fits(detail)) return;
      off();
      resolve(detail);
    });
  });

for (const encoding of ["json", "msgpack"]) {
  test(`a guest asks, is answered, and resumes, in ${encoding}`, async () => {
    const guest = await connect(url, { encoding });
    const key = freshKey();
    const { channel, offset } = await guest.open(key, { page: "/basket", größe: 1.5, big: 2 ** 40, minus: -129 });
    assert.equal(offset, 0);
    const answered = once(guest, "message", ({ from }) => from.kind === "bot");
    const ack = await guest.send(channel, "Grüße 👋 — where is my order #4711?", {
      data: { sum: 12.25, ids: [1, -7] },
    });
    assert.equal((await answered).reply_to, ack.message_id);
    const [mine] = (await guest.history(channel, { limit: 1, after: 0 })).messages;
    assert.deepEqual([mine.text, mine.data], ["Grüße 👋 — where is my order #4711?", { sum: 12.25, ids: [1, -7] }]);
    const again = await guest.open(key, { page: "/basket", größe: 1.5, big: 2 ** 40, minus: -129 });
    assert.deepEqual([again.channel, again.duplicate], [channel, true]);

    const agent = await connect(url, { encoding, token });
    const heard = [];
    guest.on("message", ({ text }) => heard.push(text));
    guest.close();
    await agent.send(channel, "one");
    await agent.send(channel, "two");
    const welcome = await guest.connect();
    assert.equal(welcome.user.id, mine.from.id);
    assert.deepEqual(heard, ["one", "two"]);
    await agent.send(channel, "three");
    if (heard.length < 3) await once(guest, "message");
    assert.deepEqual(heard, ["one", "two", "three"]);
    await assert.rejects(guest.subscribe("conv:01JCZK4B2M9D6F8H1J3K5M7N9P"), RequestError);
    for (const client of [guest, agent]) client.close();
  });
}

test("a token that is none ends it", async () => {
  await assert.rejects(connect(url, { token: "not.a.token" }), /expired|sign-in/);
});
