/** Behind the answer: what was understood of a turn, and how its voice was chosen. */

import { h } from "./dom.js";
import { inWords, languageName, milliseconds, percent, signed } from "./format.js";
import { facts, meter, meterBoth } from "./meters.js";
import { hueOf, speakAs, voiceprint } from "./voice.js";

const EMOTION_HUES = { joy: 85, anger: 25, fear: 300, sadness: 255, surprise: 185, neutral: 215 };
const SENTIMENT_HUES = { very_negative: 25, negative: 45, neutral: 215, positive: 165, very_positive: 150 };

/**
 * @typedef {object} Turn
 * @property {object | null} question the customer's `message`
 * @property {object | null} answer the bot's
 * @property {object | null} analysis
 * @property {boolean} latest
 */

/** @param {Turn} turn @returns {Node[]} */
export function panelParts({ question, answer, analysis, latest }) {
  if (!question && !answer)
    return [note("Send a message, and this panel shows what was understood and how the answer's voice was chosen.")];
  const spent = answer?.turn ? timings(answer.turn) : [];
  return [chosen(answer), understood(question, answer, analysis, latest), ...spent];
}

function note(text) {
  return h("p", { class: "panel-note" }, text);
}

function part(title, ...children) {
  return h("section", { class: "panel-part" }, h("h3", {}, title), ...children);
}

function understood(question, answer, analysis, latest) {
  const quote = question ? h("blockquote", { class: "quote", dir: "auto" }, question.text) : null;
  const title = latest ? "What was understood" : "What was understood, some turns ago";
  if (!analysis) return part(title, quote, note(whyNoAnalysis(answer)));
  return part(
    title,
    quote,
    meaning(analysis),
    heading("Mood"),
    mood(analysis),
    heading("Emotions"),
    emotions(analysis.emotions),
    ...entities(analysis.entities),
    heading("Reading"),
    reading(analysis),
  );
}

/** The server either never shares it with guests, or shared it when nobody listened: it is pushed once. */
function whyNoAnalysis(answer) {
  if (!answer) return "The analysis arrives with the answer.";
  if (answer.turn && answer.turn.policy === undefined)
    return "This server keeps the analysis to itself: its “explain” setting is off.";
  return "The analysis is sent once, while the turn happens, and this tab was not there to keep it.";
}

function heading(text) {
  return h("h4", { class: "meters-title" }, text);
}

function meaning({ intent, intent_confidence: confidence, out_of_scope: outOfScope, act }) {
  return h(
    "div",
    { class: "meters" },
    meter("Intent", confidence, { text: `${inWords(intent)}, ${percent(confidence)} sure` }),
    meter("Out of scope", outOfScope, { hue: 45 }),
    facts([["Speech act", inWords(act)]]),
  );
}

function mood({ sentiment, urgency, politeness, toxicity }) {
  const { label, score, confidence } = sentiment;
  const text = `${inWords(label)} ${signed(score)}, ${percent(confidence)} sure`;
  return h(
    "div",
    { class: "meters" },
    meterBoth("Sentiment", score, { text, hue: SENTIMENT_HUES[label] ?? null }),
    meterBoth("Politeness", politeness, { hue: politeness < 0 ? 45 : 165 }),
    meter("Urgency", urgency, { hue: 65 }),
    meter("Toxicity", toxicity, { hue: 25 }),
  );
}

function emotions(shares) {
  const sorted = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return h(
    "div",
    { class: "meters meters-compact" },
    ...sorted.map(([name, share]) => meter(inWords(name), share, { hue: EMOTION_HUES[name] ?? null })),
  );
}

function entities(found) {
  if (found.length === 0) return [];
  const tag = ({ type, text }) =>
    h("li", { class: "tag" }, h("span", { class: "tag-kind" }, `${inWords(type)} `), text);
  return [heading("Found in the text"), h("ul", { class: "tags" }, ...found.map(tag))];
}

function reading({ language, model, cached, latency_us: latencyUs }) {
  return facts([
    ["Language", languageName(language)],
    ["Model", model],
    ["Time", milliseconds(latencyUs) + (cached ? ", from the cache" : "")],
  ]);
}

function chosen(answer) {
  if (!answer) return part("How it was decided", note("The answer is on its way."));
  const { turn } = answer;
  if (!turn) return part("How it was decided", note("This answer was not chosen by the bot's policy."));
  const card = h("div", { class: "card" }, voiceLine(turn), ...decision(turn));
  speakAs(card, turn.persona);
  return h("section", { class: "panel-part", "aria-label": "How it was decided" }, card);
}

function voiceLine({ persona }) {
  return h(
    "div",
    { class: "chosen" },
    h("span", { class: "voiceprint", "aria-hidden": "true" }, voiceprint(persona)),
    h("div", {}, h("p", { class: "chosen-text" }, "Answered as"), h("p", { class: "chosen-name" }, inWords(persona))),
  );
}

function decision(turn) {
  if (turn.policy === undefined) return [note("Policy, probability and timings are for staff on this server.")];
  const { propensity, version, experiment, decision_id: id } = turn;
  const likely =
    propensity === undefined
      ? null
      : h("div", { class: "meters" }, meter("Probability of this voice", propensity, { hue: hueOf(turn.persona) }));
  return [
    likely,
    facts([
      ["Policy", turn.policy],
      ["Version", version === undefined ? null : String(version)],
      ["Experiment", experiment ? `${experiment.id}, ${experiment.variant}` : null],
      ["Decision", h("code", { class: "code" }, id)],
      ...bending(turn.mood),
    ]),
  ];
}

/** What the moment made of the voice: the mood rules that count, and the traits that they change. */
function bending(mood) {
  if (!mood) return [];
  const rules = mood.rules.map(({ name, strength }) => (strength < 1 ? `${name} (${percent(strength)} left)` : name));
  const traits = Object.entries(mood.traits).map(([name, change]) => `${name} ${signed(change)}`);
  return [
    ["Bent by", rules.join(", ")],
    ["Traits", traits.join(", ")],
  ];
}

function timings({ analysis_us: analysisUs, decide_us: decideUs, total_us: totalUs }) {
  if (totalUs === undefined) return [];
  const rest = Math.max(0, totalUs - (analysisUs ?? 0) - (decideUs ?? 0));
  const spans = [
    ["analysis", "Understanding", analysisUs ?? 0],
    ["decide", "Deciding", decideUs ?? 0],
    ["rest", "Wording", rest],
  ];
  const strip = h(
    "div",
    { class: "spent", "aria-hidden": "true" },
    ...spans.map(([name, , us]) => {
      const piece = h("span", { class: `spent-${name}` });
      piece.style.setProperty("flex", `${us} 1 0`);
      return piece;
    }),
  );
  const legend = facts([
    ...spans.map(([name, label, us]) => [swatched(name, label), milliseconds(us)]),
    ["Whole turn", milliseconds(totalUs)],
  ]);
  return [part("Where the time went", strip, legend)];
}

function swatched(name, label) {
  return h("span", {}, h("span", { class: `swatch swatch-${name}`, "aria-hidden": "true" }), label);
}
