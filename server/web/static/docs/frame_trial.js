/** Trying a frame out, from the page, over one socket that all trials share. */

import { h, setText } from "../chat/dom.js";
import { Client } from "../parlance/client.js";
import { sample } from "./schema.js";

const PUSHES = ["message", "delta", "typing", "receipt", "presence", "notification", "seen", "event", "error"];
/** Of the newest pushes, as many as can be overlooked. */
const SHOWN = 4;
const TOLD = new Set(["typing", "receipt"]);

/** One client for as long as the token stays the same. */
class Wire {
  #client = null;
  #token = null;
  /** Whoever sent last shows what is pushed. @type {(frame: object) => void} */
  shown = () => {};

  /** @param {string} token "": a guest's @returns {Promise<Client>} connected */
  async client(token) {
    if (this.#client === null || this.#token !== token) this.#begin(token);
    await this.#client.connect();
    return this.#client;
  }

  #begin(token) {
    this.#client?.close();
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#token = token;
    this.#client = new Client(url.href, {
      token: token || null,
      encoding: "msgpack",
      client: { name: "docs", version: "1.0" },
    });
    for (const type of PUSHES) this.#client.on(type, (frame) => this.shown(frame));
  }
}

const wire = new Wire();

/** @param {object} example a client's frame @param {() => string} token */
export function frameTrial(example, token) {
  const { id, ...given } = example; // the client numbers its requests itself
  const input = h("textarea", { class: "input input-code", rows: "6", spellcheck: "false" });
  input.value = JSON.stringify(given, null, 2);
  const label = h("label", { class: "field" }, h("span", { class: "field-name" }, "Frame, without its id"), input);
  const answer = h("div", { class: "part", role: "status" });
  const send = h(
    "button",
    { class: "button try-send", type: "button", onclick: () => run(send, input.value, token(), answer) },
    "Send",
  );
  return h("div", { class: "try" }, label, send, answer);
}

async function run(button, text, token, answer) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const told = sample("");
  const pushed = h("div", {});
  answer.replaceChildren(told, pushed);
  try {
    const frame = JSON.parse(text);
    const client = await wire.client(token);
    wire.shown = (push) => {
      pushed.append(h("p", {}, "Pushed"), sample(push));
      while (pushed.childElementCount > 2 * SHOWN) pushed.firstChild.remove();
    };
    if (TOLD.has(frame.type)) client.tell(frame);
    setText(
      told,
      TOLD.has(frame.type) ? "Sent; it has no answer." : JSON.stringify(await client.request(frame), null, 2),
    );
  } catch (failure) {
    setText(told, failure.code ? `${failure.code} ${failure.reason}: ${failure.message}` : failure.message);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
