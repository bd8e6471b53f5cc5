/** Message texts: the protocol's limits, and links found without ever building HTML. */

export const MAX_CODE_POINTS = 8_000;

/** NFC as the server stores it, so that a repeat has the same content; no NUL, no lone surrogate, no outer space. */
export function normalise(text) {
  return text
    .replaceAll("\0", "")
    .replace(/\p{Surrogate}/gu, "\uFFFD")
    .normalize("NFC")
    .trim();
}

/** @returns {number} Unicode code points, as the server counts them */
export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** A fresh idempotency key: 128 random bits. `crypto.randomUUID` is missing on pages served over plain HTTP. */
export function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const URL_LIKE = /https?:\/\/[^\s<>"'\u0060\u0000-\u001f]+/giu;
const TRAILING = /[.,:;!?…'"*_~»”’]+$/u;

/**
 * @param {string} text
 * @returns {Array<{text: string, href: string | null}>} the same text in pieces; `href` is a parsed http(s) address
 */
export function withLinks(text) {
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(URL_LIKE)) {
    const shown = trimmed(match[0]);
    const href = safeHref(shown);
    if (!href) continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), href: null });
    pieces.push({ text: shown, href });
    from = match.index + shown.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), href: null });
  return pieces;
}

/** Punctuation after an address is the sentence's; a closing bracket too, unless the address opened it. */
function trimmed(url) {
  let rest = url.replace(TRAILING, "");
  while (/[)\]}]$/.test(rest) && !balanced(rest)) rest = rest.slice(0, -1).replace(TRAILING, "");
  return rest;
}

function balanced(url) {
  const close = url.at(-1);
  const open = { ")": "(", "]": "[", "}": "{" }[close];
  return url.split(open).length >= url.split(close).length;
}

function safeHref(candidate) {
  try {
    const url = new URL(candidate);
    return url.hostname && (url.protocol === "https:" || url.protocol === "http:") ? url.href : null;
  } catch {
    return null;
  }
}
