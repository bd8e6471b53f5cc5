/** The widget on a page: reads the script's attributes, and begins once it has its words. */

import { configOf } from "./config.js";
import { Widget } from "./widget.js";
import { languageOf, wordsIn } from "./words.js";

const warn = (sentence) => console.warn(`parlance: ${sentence}`);
/** As a module it has no current script; then the first one that is named like it. */
const script = document.currentScript ?? document.querySelector("script[src*='widget.js']");
const config = configOf(script.dataset, script.src, warn);

const bodyIsThere = () =>
  document.body !== null || new Promise((done) => addEventListener("DOMContentLoaded", done, { once: true }));

async function run() {
  const asked =
    config.language === "auto" ? [document.documentElement.lang, ...navigator.languages] : [config.language];
  const words = await wordsIn(languageOf(asked), config.words, warn);
  await bodyIsThere();
  if (document.querySelector("parlance-chat") !== null) return warn("the widget is on this page already");
  const widget = new Widget(config, words, warn);
  globalThis.parlance = widget.api;
  return widget.attach();
}

run();
