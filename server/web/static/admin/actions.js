/** What an admin may change from this page: asked first, done over REST, undone where that can be. */

import { show } from "./dialog.js";
import { EDITS } from "./voices.js";

const segment = encodeURIComponent;

export class Actions {
  #doing;
  #rest;

  /** @param {import("./doing.js").Doing} doing */
  constructor(doing) {
    this.#doing = doing;
    this.#rest = doing.rest;
  }

  // alerts

  acknowledge({ alert_id: id, rule }) {
    return this.#doing.do({
      source: "alerts",
      title: `See to ${rule}?`,
      text: "Nobody further is told of this alert, unless it gets worse.",
      button: "Acknowledge",
      said: `${rule} is acknowledged.`,
      run: () => this.#rest.send("POST", `v1/alerts/${segment(id)}/acknowledge`),
    });
  }

  silence({ rule }) {
    return this.#doing.do({
      source: "silences",
      title: "Silence alerts",
      text: "They are raised and shown all the same; nobody is told of them until then.",
      fields: [
        { name: "rule", label: "Rule", value: rule, required: true, maxlength: 64, hint: "* and ? stand for any letters" },
        { name: "minutes", label: "Minutes", type: "number", value: "60", min: 1, max: 43_200, step: "1", required: true },
        { name: "reason", label: "Why, for whoever asks later", maxlength: 500 },
      ],
      button: "Silence",
      said: ({ rule: name, minutes }) => `${name} is silent for ${minutes} minutes.`,
      run: ({ rule: name, minutes, reason }) =>
        this.#rest.send("POST", "v1/alerts/silences", { rule: name, for_s: Number(minutes) * 60, reason }),
      undo: (_, { silence_id: id }) => this.#rest.send("DELETE", `v1/alerts/silences/${segment(id)}`),
    });
  }

  endSilence({ silence_id: id, rule }) {
    return this.#doing.do({
      source: "silences",
      title: `End the silence of ${rule}?`,
      text: "People are told of its alerts again.",
      button: "End it",
      said: `${rule} is no longer silent.`,
      run: () => this.#rest.send("DELETE", `v1/alerts/silences/${segment(id)}`),
    });
  }

  // models

  model(verb, { version }, deployed) {
    const before = deployed[verb];
    if (verb === "promote") return this.#promote(version);
    const share = verb === "canary";
    return this.#doing.do({
      source: "models",
      title: share ? `Try ${version} on some conversations?` : `Let ${version} read beside?`,
      text: share ? "It answers a share of the conversations, always the same ones." : "It is compared, and never heard.",
      fields: share
        ? [{ name: "share", label: "Share in per cent", type: "number", value: "5", min: 0.1, max: 100, step: "0.1", required: true }]
        : [],
      button: share ? "Make it the canary" : "Make it the shadow",
      said: `${version} is the ${verb}.`,
      run: ({ share: percent }) =>
        this.#rest.send("PUT", `v1/models/${verb}`, share ? { version, share: Number(percent) / 100 } : { version }),
      undo: () =>
        this.#rest.send("PUT", `v1/models/${verb}`, share ? (before ?? { version: null }) : { version: before ?? null }),
    });
  }

  #promote(version) {
    return this.#doing.do({
      source: "models",
      title: `Let ${version} answer everybody?`,
      text: "On every worker, from the next message on. Where its measured quality is worse, the server refuses.",
      button: "Promote",
      danger: true,
      said: `${version} answers everybody.`,
      run: () => this.#rest.send("POST", "v1/models/promote", { version }),
      undo: () => this.#rest.send("POST", "v1/models/rollback"),
    });
  }

  end(verb) {
    return this.#doing.do({
      source: "models",
      title: `Without a ${verb}?`,
      text: `The version that is the ${verb} now stays in the list.`,
      button: `End the ${verb}`,
      said: `There is no ${verb} any more.`,
      run: () => this.#rest.send("PUT", `v1/models/${verb}`, { version: null }),
    });
  }

  // personas and policies

  arm(verb, policy, arm) {
    const path = `v1/policies/${segment(policy)}/arms/${segment(arm)}`;
    const other = verb === "pause" ? "resume" : "pause";
    return this.#doing.do({
      source: "policies",
      title: verb === "pause" ? `Let ${arm} speak no more for now?` : `Let ${arm} speak again?`,
      text: verb === "pause" ? "It still learns from rewards that come late." : "From the next answer on, on every worker.",
      button: verb === "pause" ? "Pause" : "Resume",
      said: verb === "pause" ? `${arm} is paused.` : `${arm} speaks again.`,
      run: () => this.#rest.send("POST", `${path}/${verb}`),
      undo: () => this.#rest.send("POST", `${path}/${other}`),
    });
  }

  rollBack(policy, version) {
    return this.#doing.do({
      source: "policies",
      title: `Roll ${policy} back`,
      text: "What was learned after that place of its log is forgotten, on every worker. The personas stay.",
      fields: [{ name: "to", label: "Version", type: "number", min: 0, max: version, step: "1", required: true, value: String(version) }],
      button: "Roll back",
      danger: true,
      said: ({ to }) => `${policy} knows what it knew at ${to}.`,
      run: ({ to }) => this.#rest.send("POST", `v1/policies/${segment(policy)}/rollback`, { to: Number(to) }),
      undo: () => this.#rest.send("POST", `v1/policies/${segment(policy)}/rollback`, { to: version }),
    });
  }

  snapshot(policy) {
    return this.#doing.do({
      source: "policies",
      title: `Keep what ${policy} knows now?`,
      text: "A snapshot made so is not dropped when newer ones come.",
      button: "Make a snapshot",
      said: `A snapshot of ${policy} is kept.`,
      run: () => this.#rest.send("POST", `v1/policies/${segment(policy)}/snapshots`),
    });
  }

  // personas and mood rules

  /** Save a document whole, over the revision that is read at that moment, so that nobody's work is lost unseen. */
  #edit(kind, question, changed) {
    const path = `v1/documents/${kind}`;
    let before = null;
    return this.#doing.do({
      source: "voices",
      ...question,
      run: async (values) => {
        before = await this.#rest.get(path);
        return this.#rest.send("PUT", path, { revision: before.revision, document: changed(before.document, values) });
      },
      undo: async () => {
        const { revision } = await this.#rest.get(path);
        const document = before.edited ? before.document : null;
        return this.#rest.send("PUT", path, { revision, document });
      },
    });
  }

  persona(one) {
    const { made, ...question } = EDITS.persona(one);
    return this.#edit("personas", { ...question, said: `${one.name} is changed.` }, (document, values) => ({
      ...document,
      personas: document.personas.map((known) => (known.name === one.name ? { ...known, ...made(values) } : known)),
    }));
  }

  /** @param {number | null} place null for a new one */
  rule(one, place) {
    const { made, ...question } = EDITS.rule(one);
    const said = ({ name }) => `The rule ${name} is saved.`;
    return this.#edit("mood_rules", { ...question, said }, (document, values) => ({
      ...document,
      rules: place === null ? [...document.rules, made(values)] : document.rules.with(place, made(values)),
    }));
  }

  removeRule(place) {
    const question = {
      title: "Remove the mood rule?",
      text: "From the next answer on it bends nothing any more.",
      button: "Remove",
      danger: true,
      said: "The rule is removed.",
    };
    return this.#edit("mood_rules", question, (document) => ({ ...document, rules: document.rules.toSpliced(place, 1) }));
  }

  restore(kind) {
    const question = {
      title: "Let the file hold again?",
      text: "What was edited here no longer holds.",
      button: "Let it hold",
      said: "The file holds again.",
    };
    return this.#edit(kind, question, () => null);
  }

  // users and keys

  ban() {
    return this.#doing.do({
      source: "audit",
      title: "Keep a user out",
      text: "Open connections close at once, and every token is void.",
      fields: [{ name: "user", label: "The user's id", required: true, maxlength: 128 }],
      button: "Ban",
      danger: true,
      said: ({ user }) => `${user} is kept out.`,
      run: ({ user }) => this.#rest.send("POST", `v1/users/${segment(user)}/ban`),
      undo: ({ user }) => this.#rest.send("DELETE", `v1/users/${segment(user)}/ban`),
    });
  }

  async issueKey() {
    const made = await this.#doing.do({
      source: "audit",
      title: "Make a key",
      text: "A token for a back end or a person. Whoever has it acts as that user until it expires or is revoked.",
      fields: [
        { name: "user", label: "The user's id", required: true, maxlength: 128 },
        { name: "kind", label: "Kind", options: ["service", "agent", "admin", "customer"], value: "service" },
        { name: "days", label: "Days", type: "number", value: "30", min: 1, max: 3_650, step: "1", required: true },
      ],
      button: "Make it",
      said: ({ user }) => `${user} has a key.`,
      run: ({ user, kind, days }) =>
        this.#rest.send("POST", "v1/tokens", { user_id: user, kind, ttl_s: Number(days) * 86_400 }),
      undo: ({ user }) => this.#rest.send("POST", `v1/users/${segment(user)}/tokens/revoke`),
    });
    if (made !== null) show({ title: "The key", text: "It is shown this once. Copy it now.", secret: made.token });
  }

  revoke() {
    return this.#doing.do({
      source: "audit",
      title: "Revoke a user's keys",
      text: "Every token of the user issued until now is void; this can't be undone.",
      fields: [{ name: "user", label: "The user's id", required: true, maxlength: 128 }],
      button: "Revoke",
      danger: true,
      said: ({ user }) => `The keys of ${user} are void.`,
      run: ({ user }) => this.#rest.send("POST", `v1/users/${segment(user)}/tokens/revoke`),
    });
  }
}
