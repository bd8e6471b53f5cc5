/** The WebSocket's frames, from the AsyncAPI document. */

import { h } from "../chat/dom.js";
import { entry, group, part } from "./entry.js";
import { frameTrial } from "./frame_trial.js";
import { prose } from "./prose.js";
import { fields, resolved, sample } from "./schema.js";

/** The first frame of a connection, which the trials' own client sends. */
const FIRST = "connect";

/** @param {() => string} token what trials connect with */
export function frameGroups(document, token) {
  const answers = answersOf(document);
  return document.info.tags.map((tag) => {
    const entries = Object.entries(document.components.messages)
      .filter(([, { tags }]) => tags.some(({ name }) => name === tag.name))
      .map(([id, message]) => frameEntry(document, id, message, answers, token));
    return group(`ws-${tag.name}`, tag.name[0].toUpperCase() + tag.name.slice(1), tag.description, entries);
  });
}

const idOf = ({ $ref }) => $ref.split("/").at(-1);

/** What each request is answered with. @returns {Map<string, string[]>} by the message's id; absent: not a request */
function answersOf(document) {
  const received = Object.values(document.operations).filter(({ action }) => action === "receive");
  return new Map(received.map(({ messages, reply }) => [idOf(messages[0]), (reply?.messages ?? []).map(idOf)]));
}

function frameEntry(document, id, message, answers, token) {
  const byClient = answers.has(id);
  return entry({
    id: `frame-${id}`,
    kind: byClient ? "client" : "server",
    name: [message.name],
    brief: message.summary,
    search: `${message.name} ${id} ${message.summary} ${byClient ? "client" : "server"}`,
    body: () => frameBody(document, message, answers.get(id), token),
  });
}

function frameBody(document, message, answeredWith, token) {
  const { schema } = resolved(document, message.payload);
  const tried = answeredWith !== undefined && message.name !== FIRST;
  return [
    schema.description ? prose(schema.description) : null,
    answeredWith === undefined ? null : part("Answer", answerLinks(document, answeredWith)),
    part("Fields", fields(document, message.payload)),
    part(message.examples.length > 1 ? "Examples" : "Example", ...message.examples.map(({ payload }) => sample(payload))),
    tried ? part("Try it", frameTrial(message.examples[0].payload, token)) : null,
  ].filter(Boolean);
}

function answerLinks(document, ids) {
  if (ids.length === 0) return h("p", {}, "None.");
  const links = ids.flatMap((id, place) => [place ? " or " : "", h("a", { href: `#frame-${id}` }, document.components.messages[id].name)]);
  return h("p", {}, ...links);
}
