/** Times, numbers and names as people of the page's language read them. */

const LANGUAGE = document.documentElement.lang || "en";
const clock = new Intl.DateTimeFormat(navigator.language, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(navigator.language, { dateStyle: "full", timeStyle: "medium" });
const weekday = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", day: "numeric", month: "long" });
const withYear = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long" });
const DAY_MS = 86_400_000;

export const timeOf = (atMs) => clock.format(atMs);
export const momentOf = (atMs) => full.format(atMs);

/** A local day's own name, to tell days apart. */
export const dayKey = (atMs) => new Date(atMs).toDateString();

export function dayOf(atMs, nowMs = Date.now()) {
  if (dayKey(atMs) === dayKey(nowMs)) return "Today";
  if (dayKey(atMs) === dayKey(nowMs - DAY_MS)) return "Yesterday";
  const sameYear = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return (sameYear ? weekday : withYear).format(atMs);
}

/** "card_declined" → "Card declined" */
export function inWords(name) {
  const words = String(name).replaceAll(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const percent = (share) => `${Math.round(share * 100)}%`;
export function signed(value) {
  const digits = Math.abs(value).toFixed(2);
  if (digits === "0.00") return digits;
  return `${value > 0 ? "+" : "−"}${digits}`;
}

export const milliseconds = (us) => (us < 1_000 ? `${us} µs` : `${(us / 1_000).toFixed(us < 10_000 ? 2 : 1)} ms`);
export const count = (number) => number.toLocaleString(LANGUAGE);

export function languageName(code) {
  try {
    return new Intl.DisplayNames([LANGUAGE], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
