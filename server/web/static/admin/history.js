/** The figures of the last hour, as they came; what was not heard of is a gap, never a guess. No DOM. */

export const KEPT_MS = 3_600_000;
/** Figures come every second; a longer silence is shown as one. */
export const SILENT_MS = 3_000;

/** @typedef {(figures: object) => number | null | undefined} Read */

export class History {
  #samples = [];

  get latest() {
    return this.#samples.at(-1) ?? null;
  }

  get size() {
    return this.#samples.length;
  }

  /** @param {object} figures data of a `metrics` event; one that is not newer than the last is left out */
  push(figures) {
    const last = this.latest;
    if (!Number.isFinite(figures.at_ms) || (last !== null && figures.at_ms <= last.at_ms)) return;
    this.#samples.push(figures);
    const oldest = figures.at_ms - KEPT_MS;
    // in one go now and then: to move an hour's samples each second would be work for nothing
    if (this.#samples[0].at_ms < oldest - 60_000) {
      this.#samples = this.#samples.filter(({ at_ms: atMs }) => atMs >= oldest);
    }
  }

  /** @returns {object[]} those of [from, to], in order */
  between(fromMs, toMs) {
    return this.#samples.slice(this.#place(fromMs), this.#place(toMs + 1));
  }

  /**
   * Columns for a chart: seconds since 1970, then one column a series; null where nothing is known.
   * @param {Read[]} reads
   * @returns {(number | null)[][]}
   */
  columns(fromMs, toMs, reads) {
    const columns = [[], ...reads.map(() => [])];
    let before = null;
    for (const figures of this.between(fromMs, toMs)) {
      if (before !== null && figures.at_ms - before > SILENT_MS) push(columns, before + 1, () => null);
      push(columns, figures.at_ms, (index) => reads[index](figures) ?? null);
      before = figures.at_ms;
    }
    return columns;
  }

  /** Index of the first sample at or after `atMs`. */
  #place(atMs) {
    let low = 0;
    let high = this.#samples.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#samples[middle].at_ms < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function push(columns, atMs, read) {
  columns[0].push(atMs / 1_000);
  for (let index = 1; index < columns.length; index += 1) columns[index].push(read(index - 1));
}

/** Names of the personas in the samples, ascending. */
export function personasOf(samples) {
  const names = new Set();
  for (const { personas } of samples) for (const name in personas) names.add(name); // an hour has thousands of samples
  return [...names].sort();
}

/**
 * RFC 4180, with the moment as ISO 8601 in UTC.
 * @param {{name: string, read: Read}[]} series
 */
export function csvOf(samples, series) {
  const rows = samples.map((figures) => [
    new Date(figures.at_ms).toISOString(),
    ...series.map(({ read }) => read(figures) ?? ""),
  ]);
  return csvOfRows([["time", ...series.map(({ name }) => name)], ...rows]);
}

/** RFC 4180. @param {(string | number)[][]} rows */
export function csvOfRows(rows) {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value) {
  const text = String(value);
  // a name that begins like a formula must stay a name where a spreadsheet opens the file
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
