/** Parlance's client for browsers and Node: everything that may be imported from the package. */

export { Client, connect } from "./client.js";
export { Chat } from "./chat.js";
export { Connection, systemClock } from "./connection.js";
export { Credentials } from "./credentials.js";
export { Identity, SignInNeeded } from "./identity.js";
export { StaffSession } from "./staff_session.js";
export { Kept } from "./kept.js";
export { RequestError } from "./requests.js";
export { Alerts, Queue } from "./waiting.js";
export { JSON_CODEC } from "./codec.js";
export { decode, encode, MSGPACK_CODEC } from "./msgpack.js";
export { afterClose } from "./close_codes.js";
export { fullJitterMs } from "./backoff.js";
export { codePoints, freshKey, MAX_CODE_POINTS, normalise, withLinks } from "./text.js";
