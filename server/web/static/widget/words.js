/** What the widget says. English comes with it; another language is one more small file of the server. */

import { json as english } from "./words/en.json";

export const LANGUAGES = ["en", "de", "fr", "es", "ar", "ja"];
const RIGHT_TO_LEFT = new Set(["ar"]);

/**
 * @param {string[]} wanted language tags, the most wanted first
 * @returns {string} the first that there is, else English
 */
export function languageOf(wanted) {
  const short = wanted.filter(Boolean).map((tag) => tag.toLowerCase().split(/[-_]/)[0]);
  return short.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

/** @param {string} folder the address that the words of a language lie at. Where they can't be had, English. */
export async function wordsIn(language, folder, warn) {
  if (language === "en") return wordsOf("en", english);
  try {
    const answer = await fetch(`${folder}${language}.json`, { credentials: "omit" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return wordsOf(language, { ...english, ...(await answer.json()) });
  } catch ({ message }) {
    warn(`no words in "${language}": ${message}`);
    return wordsOf("en", english);
  }
}

/**
 * The words of one language: `say("unread", { n: 2 })`.
 * @param {Object<string, string | Object<string, string>>} table plural forms by the names of Intl.PluralRules
 */
export function wordsOf(language, table) {
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  const say = (name, values = {}) => {
    const found = table[name];
    const text = typeof found === "string" ? found : (found[plural.select(values.n)] ?? found.other);
    return text.replace(/\{(\w+)\}/g, (_, slot) => (slot === "n" ? number.format(values.n) : values[slot]));
  };
  return { language, direction: RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr", say };
}
