/** A time series chart in the page's colours (uPlot), with a legend that tells the values under the pointer. */

import UPlot from "../vendor/uplot/uPlot.esm.js";
import { clockOf, secondOf } from "./words.js";

const HEIGHT_PX = 190;
/** Charts of one group move their pointers together. */
const TOGETHER = "parlance";

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {string} colour a custom property of the page, or a colour
 * @property {(value: number | null) => string} tell
 */

export class Chart {
  #root;
  #tell;
  #plot = null;
  #lines = [];
  #span = [0, 1];
  #columns = [[]];
  #bounds;
  #words;
  #points;

  /**
   * @param {HTMLElement} root
   * @param {object} options
   * @param {string} options.label what it shows, for those who can't see it
   * @param {(value: number) => string} options.tell a number on the axis
   * @param {[number | null, number | null]} [options.bounds] of the axis; null: as the data asks
   * @param {(atMs: number) => string} [options.tick] a moment on the axis
   * @param {(atMs: number) => string} [options.moment] the moment under the pointer
   * @param {boolean} [options.points] whether single values are marked: where few are known
   */
  constructor(root, { label, tell, bounds = [0, null], tick = clockOf, moment = secondOf, points = false }) {
    this.#root = root;
    this.#tell = tell;
    this.#bounds = bounds;
    this.#words = { tick, moment };
    this.#points = points;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", label);
    new ResizeObserver(() => this.#fit()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#make());
  }

  /**
   * @param {Line[]} lines
   * @param {(number | null)[][]} columns of `History.columns`, one a line
   * @param {[number, number]} spanMs what the axis shows
   */
  draw(lines, columns, spanMs) {
    this.#span = spanMs.map((atMs) => atMs / 1_000);
    this.#columns = columns;
    const same = lines.length === this.#lines.length && lines.every(({ name }, index) => name === this.#lines[index].name);
    this.#lines = lines;
    if (this.#plot === null || !same) this.#make();
    else this.#plot.setData(columns);
  }

  /** @returns {Promise<Blob>} PNG of what is seen, on the page's ground and under `title` */
  picture(title) {
    const source = this.#plot.ctx.canvas;
    const scale = devicePixelRatio;
    const [margin, head] = [16 * scale, 44 * scale];
    const canvas = document.createElement("canvas");
    canvas.width = source.width + 2 * margin;
    canvas.height = source.height + head + margin + 18 * scale;
    const context = canvas.getContext("2d");
    context.fillStyle = colour("--surface");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = colour("--ink");
    context.font = `600 ${15 * scale}px ${getComputedStyle(document.body).fontFamily}`;
    context.fillText(title, margin, 28 * scale);
    context.drawImage(source, margin, head);
    this.#key(context, margin, head + source.height + 14 * scale, scale);
    return new Promise((made) => canvas.toBlob(made, "image/png"));
  }

  #key(context, left, top, scale) {
    context.font = `${12 * scale}px ${getComputedStyle(document.body).fontFamily}`;
    let x = left;
    for (const line of this.#lines) {
      context.fillStyle = colour(line.colour);
      context.fillRect(x, top - 8 * scale, 14 * scale, 3 * scale);
      context.fillStyle = colour("--ink-soft");
      context.fillText(line.name, x + 20 * scale, top - 2 * scale);
      x += 36 * scale + context.measureText(line.name).width;
    }
  }

  #fit() {
    const width = this.#root.clientWidth;
    if (this.#plot !== null && width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  #make() {
    if (this.#lines.length === 0) return;
    this.#plot?.destroy();
    this.#plot = new UPlot(this.#options(), this.#columns, this.#root);
  }

  #options() {
    const ink = colour("--ink-soft");
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    return {
      width: Math.max(this.#root.clientWidth, 200),
      height: HEIGHT_PX,
      padding: [8, 8, 0, 0],
      cursor: { sync: { key: TOGETHER }, drag: { x: false, y: false }, points: { size: 7 } },
      legend: { live: true },
      scales: { x: { time: true, range: () => this.#span }, y: { range: (_, low, high) => this.#reach(low, high) } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((s) => this.#words.tick(s * 1_000)), space: 70, size: 28 },
        { ...axis, values: (_, ticks) => ticks.map(this.#tell), size: (_, texts) => 14 + 7 * longest(texts) },
      ],
      series: [
        { label: "Time", value: (_, s) => (s === null ? "now" : this.#words.moment(s * 1_000)) },
        ...this.#lines.map(({ name, colour: of, tell }) => ({
          label: name,
          stroke: colour(of),
          width: 2,
          points: { show: this.#points },
          value: (plot, value, series, index) => tell(index === null ? last(plot.data[series]) : value),
        })),
      ],
    };
  }

  #reach(low, high) {
    const [least, most] = this.#bounds;
    const bottom = least ?? low ?? 0;
    const top = most ?? Math.max((high ?? 0) * 1.1, bottom + 1e-9);
    return top - bottom < 1e-6 ? [bottom, bottom + 1] : [bottom, top];
  }
}

function last(values) {
  return values.length > 0 ? values[values.length - 1] : null;
}

function longest(texts) {
  return Math.max(0, ...(texts ?? []).map(({ length }) => length));
}

/** A canvas takes no custom properties. */
function colour(name) {
  return name.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : name;
}
