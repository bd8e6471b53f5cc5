// Lines of base64 MessagePack on standard input; each is decoded, and answered as JSON and as MessagePack again.

import { createInterface } from "node:readline";

import { decode, encode } from "parlance-client";

for await (const line of createInterface({ input: process.stdin })) {
  const value = decode(Buffer.from(line, "base64"));
  console.log(JSON.stringify({ value, again: Buffer.from(encode(value)).toString("base64") }));
}
