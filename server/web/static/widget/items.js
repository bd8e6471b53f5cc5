/** From the chat's state to what is shown: values only. */

const MAX_CHIPS = 6;
const MAX_SOURCES = 6;
const EVENTS = new Set(["waiting", "claimed", "released", "resolved", "reopened"]);

/** @param {import("../parlance/chat.js").Chat} chat @param {object} words of `wordsOf` */
export function itemsOf(chat, words, nowMs) {
  const clock = new Intl.DateTimeFormat(words.language, { hour: "2-digit", minute: "2-digit" });
  const last = chat.messages.at(-1);
  const said = chat.messages.map((message) =>
    itemOf(chat, message, words, message === last && chat.unsent.length === 0),
  );
  const draft = chat.draft && { id: `m${chat.draft.messageId}`, side: "draft", text: chat.draft.text, atMs: nowMs };
  const waiting = chat.unsent.map(({ key, text, atMs, state, error }) => ({
    ...{ id: `k${key}`, key, side: "own", text, atMs, state, error },
  }));
  const items = [...said, ...(draft ? [draft] : []), ...waiting];
  for (const item of items) item.time = clock.format(item.atMs);
  return withDays(items, words.language, nowMs);
}

function itemOf(chat, message, { say }, isLast) {
  const { offset, from, text, at_ms: atMs, data = {}, key, message_id: messageId } = message;
  if (from.kind === "system") {
    const known = EVENTS.has(data.event) && (data.event !== "claimed" || data.agent?.name);
    return { id: `o${offset}`, side: "system", atMs, text: known ? say(data.event, { name: data.agent?.name }) : text };
  }
  if (chat.isOwn(message)) return { id: key ? `k${key}` : `o${offset}`, side: "own", text, atMs, state: "sent", key };
  return {
    ...{ id: `o${offset}`, side: "other", text, atMs, messageId, speaker: from.name },
    rated: message.turn !== undefined,
    rating: chat.ratingOf(messageId),
    citations: citationsOf(data.citations),
    suggestions: isLast ? textsOf(data.suggestions) : [],
  };
}

function textsOf(given) {
  const texts = Array.isArray(given) ? given.map((one) => one?.text ?? one) : [];
  return [...new Set(texts.filter((text) => typeof text === "string" && text.trim() !== ""))].slice(0, MAX_CHIPS);
}

/** Several passages of one article are one source. @returns {{title: string, href: string | null}[]} */
function citationsOf(given) {
  const known = new Map();
  for (const one of Array.isArray(given) ? given : []) {
    const title = one?.title ?? one?.url;
    if (typeof title === "string" && title !== "") known.set(title, { title, href: hrefOf(one.url) });
  }
  return [...known.values()].slice(0, MAX_SOURCES);
}

function hrefOf(url) {
  try {
    const parsed = new URL(url);
    return ["https:", "http:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

const DAY_MS = 86_400_000;
const dayOf = (atMs) => new Date(atMs).toDateString();

function withDays(items, language, nowMs) {
  const near = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const far = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
  const named = (atMs) => {
    const ago = [0, -1].find((days) => dayOf(nowMs + days * DAY_MS) === dayOf(atMs));
    return ago === undefined ? far.format(atMs) : near.format(ago, "day");
  };
  const result = [];
  let before = null;
  for (const item of items) {
    const day = dayOf(item.atMs);
    if (day !== before) result.push({ id: `d${day}${item.id}`, side: "day", text: named(item.atMs), atMs: item.atMs });
    result.push(item);
    before = day;
  }
  return result;
}
