// A service that answers every message of one conversation with its own words:
//   node examples/echo.js ws://127.0.0.1:8000/ws "$(parlance token --kind service --sub echo)" conv:01J…
// (Node 20: node --experimental-websocket …)

import { connect } from "parlance-client";

const [url, token, channel] = process.argv.slice(2);
const client = await connect(url, { token });

client.on("message", ({ from, text, message_id }) => {
  if (from.kind === "customer") client.send(channel, `You said: ${text}`, { reply_to: message_id });
});
client.on("state", ({ state, sentence }) => console.error(state, sentence));
await client.subscribe(channel);
