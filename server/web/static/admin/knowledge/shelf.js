/** All articles by pages, each with the version that is active and what its versions did. No DOM. */

const PAGE = 200;

/** How an article's versions did together, by article. */
export function figuresByArticle(items) {
  const found = new Map();
  for (const one of items) {
    const sum = found.get(one.article) ?? { shown: 0, solved: 0, thumbs_up: 0, thumbs_down: 0, handoffs: 0 };
    for (const name of Object.keys(sum)) sum[name] += one[name];
    found.set(one.article, sum);
  }
  return found;
}

export class Shelf {
  #rest;
  #days;
  #pages = 1;

  constructor(rest, days) {
    this.#rest = rest;
    this.#days = days;
  }

  /** One page more from the next reading on. */
  grow() {
    this.#pages += 1;
  }

  /** @returns {Promise<{items: object[], more: boolean}>} each by its newest version, with `active` and figures */
  async read() {
    const items = [];
    let more = true;
    for (let page = 0; page < this.#pages && more; page += 1) {
      const after = items.length === 0 ? "" : `&after=${encodeURIComponent(items.at(-1).article)}`;
      const of = (state) => this.#rest.get(`v1/knowledge/articles?limit=${PAGE}${state}${after}`);
      // what is active among the first of all ids is among the first of the active ones
      const [newest, active] = await Promise.all([of(""), of("&state=active")]);
      const actives = new Map(active.items.map((one) => [one.article, one]));
      items.push(...newest.items.map((one) => ({ ...one, active: actives.get(one.article)?.version ?? null })));
      more = newest.more;
    }
    const figures = await this.#rest.get(`v1/knowledge/figures?days=${this.#days}&limit=1000`);
    const did = figuresByArticle(figures.items);
    return { items: items.map((one) => ({ ...one, did: did.get(one.article) ?? null })), more };
  }
}

/** The last day on which it is found, in UTC as it was written. */
export const lastDay = ({ expires_ms: at }) => (at === undefined ? null : new Date(at - 1));
export const isExpired = ({ expires_ms: at }, nowMs) => at !== undefined && at <= nowMs;

/**
 * @param {object[]} items
 * @param {{text: string, state: string, category: string, order: string}} wanted
 */
export function chosen(items, { text, state, category, order }, nowMs) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const fits = (one) => {
    const about = [one.article, one.title, one.owner, ...one.tags].join(" ").toLocaleLowerCase();
    const isState = state === "" || one.state === state || (state === "active" && one.active !== null) || (state === "expired" && isExpired(one, nowMs));
    return isState && (category === "" || one.category === category) && words.every((word) => about.includes(word));
  };
  const by = {
    title: (one, other) => one.title.localeCompare(other.title),
    shown: (one, other) => (other.did?.shown ?? 0) - (one.did?.shown ?? 0),
    handoffs: (one, other) => (other.did?.handoffs ?? 0) - (one.did?.handoffs ?? 0),
    changed: (one, other) => other.changed_ms - one.changed_ms,
  };
  return items.filter(fits).sort(by[order] ?? by.title);
}
