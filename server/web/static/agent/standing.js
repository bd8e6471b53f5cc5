/** How the agent stands: online, busy, away; how many conversations at once; and who the colleagues are. */

import { toast } from "../chat/toasts.js";

export class Standing {
  #parts;
  #api;
  #connection;
  #names = new Map();
  /** Whether conversations are offered (`push`) or taken (`pull`). */
  routing = "pull";

  constructor({ parts, api, connection }) {
    this.#parts = parts;
    this.#api = api;
    this.#connection = connection;
    parts.status.addEventListener("change", () => this.#setStatus());
    parts.capacity.addEventListener("change", () => this.#setCapacity());
  }

  /** What the server has of `me`. */
  async load(me) {
    try {
      const { items, routing } = await this.#api.get("v1/agents");
      this.routing = routing;
      this.#names = new Map(items.map(({ user }) => [user.id, user.name]));
      const own = items.find(({ user }) => user.id === me.id);
      if (own) this.#show(own);
    } catch ({ message }) {
      this.#tell(`How you stand is not known: ${message}`);
    }
  }

  nameOf(agentId) {
    return this.#names.get(agentId) ?? agentId;
  }

  #show({ status, capacity, claimed }) {
    if (status !== "offline") this.#parts.status.value = status;
    this.#parts.capacity.value = String(capacity);
    this.#parts.capacity.title = `You have ${claimed} now.`;
  }

  async #setStatus() {
    try {
      await this.#connection.request({ type: "presence", status: this.#parts.status.value });
    } catch ({ message }) {
      this.#tell(`The status was not set: ${message}`);
    }
  }

  async #setCapacity() {
    const { value, validity } = this.#parts.capacity;
    if (value !== "" && !validity.valid) return this.#tell("Between 0 and 100 conversations at once, please.");
    try {
      this.#show(await this.#api.put("v1/agents/me/capacity", value === "" ? {} : { capacity: Number(value) }));
    } catch ({ message }) {
      this.#tell(`The number was not kept: ${message}`);
    }
  }

  #tell(text) {
    toast(this.#parts.toasts, text);
  }
}
