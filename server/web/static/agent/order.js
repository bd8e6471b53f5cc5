/** In which order an agent sees who waits. No DOM. */

const NAME = "parlance.agent.order";
/** Smallest first; what is not known comes last. */
const RANKS = {
  longest: () => 0,
  angriest: ({ sentiment_score: score }) => score ?? Infinity,
  urgent: ({ urgency }) => -(urgency ?? -Infinity),
};

export class Order {
  #kept;

  /** @param {import("../parlance/kept.js").Kept} kept kept for all tabs */
  constructor(kept) {
    this.#kept = kept;
  }

  /** @returns {"longest" | "angriest" | "urgent"} */
  get value() {
    const value = this.#kept.get(NAME, "longest");
    return Object.hasOwn(RANKS, value) ? value : "longest";
  }

  set value(value) {
    this.#kept.set(NAME, value);
  }

  /**
   * @param {object[]} items of `agent:queue`
   * @param {string | null} me what is offered to them comes first
   */
  sorted(items, me) {
    const rank = RANKS[this.value];
    const offered = ({ offered_to: to }) => (to !== undefined && to === me ? 0 : 1);
    const compared = (one, other) => (one === other ? 0 : one < other ? -1 : 1);
    return [...items].sort(
      (one, other) =>
        offered(one) - offered(other) ||
        compared(rank(one), rank(other)) ||
        one.waiting_since_ms - other.waiting_since_ms,
    );
  }
}
