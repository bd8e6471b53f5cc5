/**
 * How frames become messages of the socket: the protocol's two encodings.
 *
 * @typedef {object} Codec
 * @property {string} subprotocol
 * @property {(frame: object) => string | Uint8Array} encode
 * @property {(data: string | ArrayBuffer) => object | object[]} decode throws where it can't be read
 * @property {(message: string | Uint8Array) => number} bytes
 */

const utf8 = new TextEncoder();

/** @type {Codec} */
export const JSON_CODEC = {
  subprotocol: "parlance.v1.json",
  encode: (frame) => JSON.stringify(frame),
  decode: (data) => JSON.parse(data),
  bytes: (text) => utf8.encode(text).length,
};
