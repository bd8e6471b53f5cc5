/** What the page shows of a `metrics` event: the tiles on top, and the lines of each chart. */

import { hueOf } from "../chat/voice.js";
import { personasOf } from "./history.js";
import { cores, megabytes, ms, percent, perSecond, score, whole } from "./words.js";

/** @typedef {{name: string, colour: string, read: (figures: object) => number | null | undefined, tell: (value: number | null) => string}} Series */

export const TILES = [
  { name: "Connections", tell: ({ connections }) => whole(connections) },
  { name: "Conversations", tell: ({ conversations }) => whole(conversations) },
  { name: "Messages/s", tell: ({ messages_per_s: value }) => perSecond(value) },
  { name: "Turns/s", tell: ({ turns_per_s: value }) => perSecond(value) },
  { name: "Deliveries/s", tell: ({ deliveries_per_s: value }) => perSecond(value) },
  { name: "Turn, p99", tell: ({ turn_ms: turn }) => ms(turn?.p99) },
  { name: "Errors/s", tell: ({ errors_per_s: value }) => perSecond(value), bad: ({ errors_per_s: value }) => value > 0 },
  {
    name: "Drops/min",
    tell: ({ outbox_drops: value }) => whole(value),
    bad: ({ outbox_drops: value }) => value > 0,
  },
  { name: "Workers", tell: ({ workers }) => whole(workers) },
  { name: "CPU cores", tell: ({ cpu }) => cores(cpu) },
  { name: "Memory", tell: ({ rss_bytes: value }) => megabytes(value) },
];

const line = (name, colour, read, tell) => ({ name, colour, read, tell });

const TRAFFIC = [
  line("messages/s", "--series-1", (figures) => figures.messages_per_s, perSecond),
  line("turns/s", "--series-2", (figures) => figures.turns_per_s, perSecond),
];
const LATENCY = [
  line("turn p50", "--series-1", (figures) => figures.turn_ms?.p50, ms),
  line("turn p95", "--series-2", (figures) => figures.turn_ms?.p95, ms),
  line("turn p99", "--series-3", (figures) => figures.turn_ms?.p99, ms),
  line("analysis p99", "--series-4", (figures) => figures.analysis_ms?.p99, ms),
];
const MOODS = [
  line("sentiment", "--series-1", (figures) => figures.sentiment_mean, score),
  line("asked for a human", "--series-3", (figures) => figures.escalation_rate, percent),
];

/** 0 is what the server says where no reward is known yet. */
export const rewardOf = (figures, name) => figures.personas?.[name]?.reward || null;

/** A persona's line has the colour that its answers have in the chat. */
const reward = (name) =>
  line(name, `oklch(62% 0.125 ${hueOf(name)})`, (figures) => rewardOf(figures, name), score);

/**
 * The panels with a chart.
 * @type {{key: string, title: string, note: string, nothing: string, tell: (value: number) => string,
 *   bounds?: [number | null, number | null], seriesOf: (samples: object[]) => Series[]}[]}
 */
export const CHARTS = [
  {
    key: "traffic",
    title: "Traffic",
    note: "per second, over the last five",
    nothing: "Nobody has written in this time.",
    tell: perSecond,
    seriesOf: () => TRAFFIC,
  },
  {
    key: "latency",
    title: "Latency",
    note: "of the last minute's turns; a turn is analysis, decision, answer and commit",
    nothing: "No turn was answered in this time.",
    tell: ms,
    seriesOf: () => LATENCY,
  },
  {
    key: "moods",
    title: "Moods",
    note: "mean sentiment from −1 to 1, and the share of turns that ended with a human, over five minutes",
    nothing: "Nobody has shown a mood in this time.",
    tell: score,
    bounds: [-1, 1],
    seriesOf: () => MOODS,
  },
  {
    key: "personas",
    title: "Personas and rewards",
    note: "how often each spoke in the last five minutes, and the mean reward of its answers, from 0 to 1",
    nothing: "No persona has spoken in this time.",
    tell: score,
    bounds: [0, 1],
    seriesOf: (samples) => personasOf(samples).map(reward),
  },
];
