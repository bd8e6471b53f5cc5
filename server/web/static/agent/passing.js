/** The dialog that passes a conversation on: to a colleague, or back to the queue. */

import { h, setText } from "../chat/dom.js";
import { conversationPath } from "./api.js";

const QUEUE = "";

export class Passing {
  #parts;
  #desk;
  #api;
  #channel = null;

  constructor({ parts, desk, api }) {
    this.#parts = parts;
    this.#desk = desk;
    this.#api = api;
    parts["pass-go"].addEventListener("click", () => this.#go());
    parts["pass-form"].addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target === parts["pass-reason"] || event.target.closest("button")) return;
      event.preventDefault();
      this.#go();
    });
  }

  /** Ask to whom the conversation that is shown goes. */
  async open() {
    const { current } = this.#desk;
    if (!this.#desk.holds(current)) return;
    this.#channel = current.channel;
    this.#parts["pass-reason"].value = "";
    this.#problem("");
    this.#choices([]);
    this.#parts["pass-dialog"].showModal();
    try {
      const { items } = await this.#api.get("v1/agents");
      this.#choices(items.filter(({ user }) => user.id !== this.#desk.me?.id));
    } catch ({ message }) {
      this.#problem(`Who else is there is not known: ${message}`);
    }
  }

  #choices(agents) {
    const order = (agent) => (agent.available ? 0 : agent.status === "offline" ? 2 : 1);
    const sorted = [...agents].sort((one, other) => order(one) - order(other) || other.free - one.free);
    const rows = [
      { id: QUEUE, name: "The queue", note: "whoever is free next" },
      ...sorted.map(({ user, status, claimed, capacity, skills }) => ({
        id: user.id,
        name: user.name,
        note: [status, `${claimed} of ${capacity}`, ...skills].join(", "),
      })),
    ];
    const choice = ({ id, name, note }, index) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: "pass-to", value: id, checked: index === 0 }),
        h("span", { dir: "auto" }, name),
        h("span", { class: "row-note" }, note),
      );
    this.#parts["pass-choices"].replaceChildren(...rows.map(choice));
  }

  async #go() {
    const to = this.#parts["pass-choices"].querySelector("input:checked")?.value ?? QUEUE;
    const reason = this.#parts["pass-reason"].value.trim();
    if (to === QUEUE && reason === "") {
      this.#problem("Say why it goes back to the queue.");
      return this.#parts["pass-reason"].focus();
    }
    const body = { ...(to !== QUEUE && { agent: to }), ...(reason !== "" && { reason }) };
    try {
      await this.#api.post(conversationPath(this.#channel, "transfer"), body);
      this.#parts["pass-dialog"].close();
    } catch ({ message }) {
      this.#problem(message);
    }
  }

  #problem(text) {
    setText(this.#parts["pass-problem"], text);
  }
}
