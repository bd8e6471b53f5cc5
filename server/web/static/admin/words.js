/** Numbers as the page shows them. */

const LANGUAGE = navigator.language;
const plain = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const fraction = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 2, minimumFractionDigits: 2 });
const share = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const NOTHING = "–";
const known = (format) => (value) => (Number.isFinite(value) ? format(value) : NOTHING);

export const whole = known((value) => plain.format(value));
export const perSecond = known((value) => (value < 100 ? fine : plain).format(value));
export const ms = known((value) => `${(value < 100 ? fine : plain).format(value)} ms`);
// "-0.00" is no mood
export const score = known((value) => fraction.format(Math.abs(value) < 0.005 ? 0 : value));
export const figure = known((value) => (Number.isInteger(value) ? plain : fraction).format(value));
export const percent = known((value) => share.format(value));
export const megabytes = known((value) => `${plain.format(value / 1_000_000)} MB`);
export const cores = known((value) => fraction.format(value));
const day = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", timeZone: "UTC" });
export const dayOf = (atMs) => day.format(atMs);
export const clockOf = (atMs) => clock.format(atMs);
export const secondOf = (atMs) => seconds.format(atMs);

/** "8 s", "4 min", "2 h" */
export function durationOf(ms) {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 100) return `${s} s`;
  return s < 5_400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3_600)} h`;
}
