/** What to do after the socket closed: the protocol's table of close codes (section 8) as data. */

export const LOST = 1006;
export const UNAUTHENTICATED = 4401;

/** @typedef {"retry" | "renew" | "stop"} Verdict `renew`: come back with another token. */

const TABLE = new Map([
  [1007, ["stop", "The server could not read a message from this page."]],
  [1009, ["stop", "A message was larger than the server takes."]],
  [4400, ["stop", "The server did not understand this page. Reloading may bring a newer one."]],
  [UNAUTHENTICATED, ["renew", "Your session has ended."]],
  [4403, ["stop", "This server has closed the chat for you."]],
  [4408, ["retry", ""]],
  [4429, ["retry", "The server is busy and asked to wait."]],
]);

/**
 * @param {number} code
 * @returns {{verdict: Verdict, sentence: string}} `sentence` is for people, "" where a plain reconnect says enough
 */
export function afterClose(code) {
  const known = TABLE.get(code);
  if (known) return { verdict: known[0], sentence: known[1] };
  const clientAtFault = code >= 4400 && code <= 4499;
  if (clientAtFault) return { verdict: "stop", sentence: `The server ended the connection (${code}).` };
  return { verdict: "retry", sentence: "" };
}

/** The close code that means the same as an `error` answer to `connect`. */
export function closeCodeOf(errorCode) {
  return { 400: 4400, 401: 4401, 403: 4403, 429: 4429 }[errorCode] ?? 4503;
}
