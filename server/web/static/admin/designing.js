/** An experiment as the texts of a form, and back. No DOM. */

const PAIR = /([\w.-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s|"]+)/g;
const PART = /(?:[^|"]|"(?:[^"\\]|\\.)*")+/g;
/** What only the server writes. */
const ITS_OWN = ["state", "started_ms", "completed_ms", "winner", "revision", "changed_by", "changed_at_ms", "history"];

/** "friendly, 2 | writer_style tone=friendly" a line; the weight is left out where it is 1. */
export function variantsToText(variants) {
  const change = ({ kind, values }) => ` | ${kind} ${Object.entries(values).map(pairToText).join(" ")}`;
  const line = ({ name, weight = 1, changes = [] }) => name + (weight === 1 ? "" : `, ${weight}`) + changes.map(change).join("");
  return variants.map(line).join("\n");
}

function pairToText([key, value]) {
  const plain = typeof value !== "string" || (/^[^\s|"]+$/.test(value) && readValue(value) === value);
  return `${key}=${plain ? value : JSON.stringify(value)}`;
}

function readValue(text) {
  if (text.startsWith('"')) return JSON.parse(text);
  if (text === "true" || text === "false") return text === "true";
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

/** @throws {Error} that names the line */
export function textToVariants(text) {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.flatMap((line, place) => (line === "" ? [] : [readVariant(line, `Line ${place + 1}`)]));
}

function readVariant(line, where) {
  const [head, ...parts] = (line.match(PART) ?? []).map((part) => part.trim());
  const [, name, weight] = /^(.*?)(?:,\s*(\d+))?$/.exec(head ?? "");
  if (!name) throw new Error(`${where} begins with no name.`);
  return { name, weight: Number(weight ?? 1), changes: parts.map((part) => readChange(part, where)) };
}

function readChange(part, where) {
  const kind = /^[\w]+/.exec(part)?.[0] ?? "";
  const rest = part.slice(kind.length);
  const values = Object.fromEntries([...rest.matchAll(PAIR)].map(([, key, value]) => [key, readValue(value)]));
  if (kind === "" || Object.keys(values).length === 0 || rest.replace(PAIR, "").trim() !== "") {
    throw new Error(`${where}: "${part}" is no change. Write one as: writer_style tone=friendly`);
  }
  return { kind, values };
}

const namesOf = (text) => text.split(/[\s,]+/).filter(Boolean);

/** "handoff_rate 0.05" a line. @throws {Error} */
export function textToGuardrails(text) {
  const lines = text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, margin] = /^(\w+)[\s:=]+(\S+)$/.exec(line) ?? [];
      if (!Number.isFinite(Number(margin))) throw new Error(`"${line}" is no metric with its margin, such as handoff_rate 0.05.`);
      return [name, Number(margin)];
    }),
  );
}

/** The document as the fields' texts. */
export function toValues(own) {
  return {
    id: own.id ?? "",
    hypothesis: own.hypothesis ?? "",
    variants: variantsToText(own.variants ?? []),
    metrics: (own.metrics ?? []).join(", "),
    guardrails: Object.entries(own.guardrails ?? {}).map((pair) => pair.join(" ")).join("\n"),
    exposure: String(Math.round((own.exposure ?? 1) * 1e6) / 1e4),
    method: own.method ?? "sequential",
    planned_units: String(own.planned_units ?? 1_000),
    min_units: String(own.min_units ?? 100),
    max_days: String(own.max_days ?? 30),
  };
}

/** What the fields say, over the document that they came from: what has no field stays as it is. */
export function toDocument(values, own = {}) {
  const kept = Object.fromEntries(Object.entries(own).filter(([key]) => !ITS_OWN.includes(key)));
  const made = {
    ...kept,
    id: values.id ?? own.id,
    hypothesis: values.hypothesis,
    metrics: namesOf(values.metrics),
    guardrails: textToGuardrails(values.guardrails),
    exposure: Number(values.exposure) / 100,
    method: values.method,
    planned_units: Number(values.planned_units),
    min_units: Number(values.min_units),
    max_days: Number(values.max_days),
  };
  if (own.factors?.length > 0) delete made.variants; // they make them
  else made.variants = textToVariants(values.variants);
  return made;
}

const BLAMED = [
  ["variants", /variant|change '|weight|persona|\.changes/],
  ["guardrails", /guardrail/],
  ["metrics", /metric|conversion|retention/],
  ["exposure", /exposure/],
  ["planned_units", /planned_units/],
  ["min_units", /min_units/],
  ["max_days", /max_days/],
  ["id", /\bid\b|salt/],
];

/** Which field the server's sentence is about; null: none that is known. */
export function blamed(sentence, { guardrails }) {
  const said = sentence.replace(/^experiment '[^']*': /, "");
  const metric = /there is no metric '([^']*)'/.exec(said)?.[1];
  if (metric !== undefined) return namesOf(guardrails).includes(metric) ? "guardrails" : "metrics";
  return BLAMED.find(([, words]) => words.test(said))?.[0] ?? null;
}
