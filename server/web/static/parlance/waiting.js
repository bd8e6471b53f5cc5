/** Conversations that wait for a human, and alerts: values made of what their channels say. No DOM. */

/** `agent:queue`: the longest wait first. */
export class Queue {
  #items = new Map();
  known = false;

  get items() {
    return [...this.#items.values()].sort((one, other) => one.waiting_since_ms - other.waiting_since_ms);
  }

  hear(name, data) {
    if (name === "snapshot") {
      this.known = true;
      this.#items = new Map(data.items.map((item) => [item.channel, item]));
    } else if (name === "upsert") {
      const item = data.item ?? data;
      this.#items.set(item.channel, item);
    } else if (name === "remove") this.#items.delete(data.channel);
  }
}

const REMEMBERED = 50;

/** `admin:alerts`: those that stand, the worst first, and the last that are over. */
export class Alerts {
  #standing = new Map();
  #over = [];
  known = false;

  get standing() {
    const rank = ({ severity }) => (severity === "critical" ? 0 : 1);
    return [...this.#standing.values()].sort(
      (one, other) => rank(one) - rank(other) || other.at_ms - one.at_ms || (one.alert_id < other.alert_id ? -1 : 1),
    );
  }

  /** The newest first. */
  get over() {
    return this.#over;
  }

  hear(name, data) {
    if (name === "snapshot") {
      this.known = true;
      this.#standing = new Map((data.items ?? []).map((alert) => [alert.alert_id, alert]));
    } else if (name === "alert" && data.state === "raised") this.#standing.set(data.alert_id, data);
    else if (name === "alert") {
      const known = this.#standing.get(data.alert_id);
      this.#standing.delete(data.alert_id);
      this.#over = [{ ...known, ...data }, ...this.#over].slice(0, REMEMBERED);
    }
  }
}

const OWN = new Set(["alert_id", "rule", "severity", "state", "at_ms", "value"]);

/** What an alert is about, besides its rule: "version nlu-1.1.0". */
export function aboutOf(alert) {
  return Object.entries(alert)
    .filter(([name, value]) => !OWN.has(name) && value !== null && typeof value !== "object")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`)
    .join(", ");
}
