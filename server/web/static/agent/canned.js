/** Saved replies: a short name and a text, kept in this browser. No DOM. */

const NAME = "parlance.agent.canned";
const DEFAULT = [
  ["hi", "Hello {name}, I am a person and I am here to help."],
  ["moment", "One moment please, I am looking into it."],
  ["order", "Could you tell me your order number, please?"],
  ["sorry", "I am sorry about that, {name}. Let me put it right."],
  ["bye", "Glad I could help, {name}. Have a good day!"],
];
const LINE = /^(\S{1,32})\s+(\S.*)$/u;

export class Canned {
  #kept;

  /** @param {import("../parlance/kept.js").Kept} kept kept for all tabs */
  constructor(kept) {
    this.#kept = kept;
  }

  /** @returns {[string, string][]} names and texts */
  get all() {
    return this.#kept.get(NAME, DEFAULT);
  }

  /** As one edits them. */
  get lines() {
    return this.all.map(([name, text]) => `${name} ${text}`).join("\n");
  }

  /** @returns {string} what is wrong with the lines; "" where they are kept now */
  save(lines) {
    const found = [];
    for (const [index, line] of lines.split("\n").entries()) {
      if (line.trim() === "") continue;
      const parts = LINE.exec(line.trim());
      if (parts === null) return `Line ${index + 1} needs a short name, a space and a text.`;
      if (found.some(([name]) => name === parts[1])) return `Line ${index + 1}: there is another ${parts[1]}.`;
      found.push([parts[1], parts[2]]);
    }
    this.#kept.set(NAME, found);
    return "";
  }

  /** @returns {[string, string][]} at most `most` that have words in common with `message`, the most first */
  related(message, most) {
    const said = stems(message);
    const counted = this.all.map((entry) => ({
      entry,
      common: [...stems(entry.join(" "))].filter((stem) => said.has(stem)).length,
    }));
    return counted
      .filter(({ common }) => common > 0)
      .sort((one, other) => other.common - one.common)
      .slice(0, most)
      .map(({ entry }) => entry);
  }

  /** @returns {[string, string][]} those that `typed` may become; none unless it begins with a slash */
  matching(typed) {
    const wanted = /^\/(\S*)$/u.exec(typed)?.[1];
    return wanted === undefined ? [] : this.all.filter(([name]) => name.startsWith(wanted.toLowerCase()));
  }
}

/** The beginnings of the longer words: five letters are enough to meet their other forms. */
function stems(text) {
  const words = text.toLowerCase().match(/\p{L}{4,}/gu) ?? [];
  return new Set(words.map((word) => word.slice(0, 5)));
}

export const filled = (text, customer) => text.replaceAll("{name}", customer);
