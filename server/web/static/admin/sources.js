/** What the page asks for over REST, and how often. */

import { Source } from "./source.js";

/** @param {import("./rest.js").Rest} rest */
export function sourcesOf(rest) {
  return {
    conversations: new Source(() => rest.get("v1/insight/conversations?limit=30"), 5_000),
    silences: new Source(async () => (await rest.get("v1/alerts/silences")).items, 15_000),
    outcomes: new Source(() => outcomes(rest), 60_000),
    intents: new Source(() => rest.get("v1/insight/intents"), 30_000),
    policies: new Source(() => rest.get("v1/policies"), 10_000),
    models: new Source(() => rest.get("v1/models"), 10_000),
    experiments: new Source(() => experiments(rest), 30_000),
    voices: new Source(() => voices(rest), 30_000),
    flags: new Source(() => rest.get("v1/flags"), 15_000),
    own: new Source(() => rest.get("v1/intents"), 30_000),
    doubts: new Source(() => rest.get("v1/intents/inbox?state=open&limit=30"), 15_000),
    audit: new Source(() => rest.get("v1/audit?limit=20"), 10_000),
  };
}

/** A week of what customers thought, by day, and whose conversations they had rated. */
async function outcomes(rest) {
  const [{ items, since_ms: fromMs, span_ms: spanMs }, { agents, overall = null }] = await Promise.all([
    rest.get("v1/insight/outcomes?days=14"),
    rest.get("v1/satisfaction"),
  ]);
  return { items, fromMs, spanMs, agents, overall };
}

/** Every experiment, those that take or took users with what is known of them. */
async function experiments(rest) {
  const { items } = await rest.get("v1/experiments");
  const read = async (document) => {
    const wanted = document.state === "running" || document.state === "paused";
    const report = wanted ? await rest.get(`v1/experiments/${encodeURIComponent(document.id)}/report`) : null;
    return { document, report };
  };
  return { items: await Promise.all(items.map(read)) };
}

async function voices(rest) {
  const [personas, rules] = await Promise.all(["personas", "mood_rules"].map((kind) => rest.get(`v1/documents/${kind}`)));
  return { personas, rules };
}
