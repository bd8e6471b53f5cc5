/**
 * MessagePack (github.com/msgpack/msgpack/blob/master/spec.md) for what frames are made of: what JSON knows.
 *
 * Whole numbers are written as integers and others as float64; what JSON would leave out of an object is left out. Read
 * are all types but extensions; integers beyond 2^53 lose precision as they do in JSON.
 */

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });
/** A call of the decoder costs more than this many characters one by one. */
const SHORT = 24;
/** Deeper than any frame; a bomb must not end in a stack overflow. */
const MAX_DEPTH = 100;
/** Assigned, "__proto__" would change the object instead of naming a value. */
const ORDINARY = { enumerable: true, configurable: true, writable: true };

/** @type {import("./codec.js").Codec} */
export const MSGPACK_CODEC = {
  subprotocol: "parlance.v1.msgpack",
  encode,
  decode: (data) => decode(data),
  bytes: (message) => message.length,
};

/**
 * @param {unknown} value
 * @returns {Uint8Array}
 * @throws {TypeError} for what JSON has no value for: NaN, Infinity, functions, BigInt
 */
export function encode(value) {
  const writer = new Writer();
  writer.value(value, 0);
  return writer.bytes;
}

/**
 * @param {ArrayBuffer | Uint8Array} data exactly one value
 * @throws {RangeError | TypeError} where it is cut off, longer than one value, or has a type that frames don't have
 */
export function decode(data) {
  const reader = new Reader(data instanceof Uint8Array ? data : new Uint8Array(data));
  const value = reader.value(0);
  if (!reader.ended) throw new RangeError("MessagePack: more than one value");
  return value;
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  get bytes() {
    return this.#bytes.subarray(0, this.#at);
  }

  value(value, depth) {
    if (depth > MAX_DEPTH) throw new TypeError("MessagePack: nested too deeply");
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (value === true || value === false) this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(value);
    else if (Array.isArray(value)) this.#array(value, depth);
    else if (typeof value === "object") this.#map(value, depth);
    else throw new TypeError(`MessagePack: a ${typeof value} can't be written`);
  }

  #number(value) {
    if (!Number.isFinite(value)) throw new TypeError(`MessagePack: ${value} is no number of JSON`);
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.#put(0xcb, 8, "setFloat64", value);
    else if (value >= 0) this.#unsigned(value);
    else this.#negative(value);
  }

  #unsigned(value) {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) this.#put(0xcc, 1, "setUint8", value);
    else if (value < 0x10000) this.#put(0xcd, 2, "setUint16", value);
    else if (value < 0x100000000) this.#put(0xce, 4, "setUint32", value);
    else this.#put(0xcf, 8, "setBigUint64", BigInt(value));
  }

  #negative(value) {
    if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#put(0xd0, 1, "setInt8", value);
    else if (value >= -0x8000) this.#put(0xd1, 2, "setInt16", value);
    else if (value >= -0x80000000) this.#put(0xd2, 4, "setInt32", value);
    else this.#put(0xd3, 8, "setBigInt64", BigInt(value));
  }

  #string(value) {
    const bytes = utf8.encode(value);
    const { length } = bytes;
    if (length < 0x20) this.#byte(0xa0 | length);
    else if (length < 0x100) this.#put(0xd9, 1, "setUint8", length);
    else if (length < 0x10000) this.#put(0xda, 2, "setUint16", length);
    else this.#put(0xdb, 4, "setUint32", length);
    this.#room(length);
    this.#bytes.set(bytes, this.#at);
    this.#at += length;
  }

  #array(values, depth) {
    this.#length(values.length, 0x90, 0xdc);
    for (const one of values) this.value(one, depth + 1);
  }

  #map(value, depth) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    this.#length(entries.length, 0x80, 0xde);
    for (const [name, one] of entries) {
      this.#string(name);
      this.value(one, depth + 1);
    }
  }

  #length(length, fixed, wide) {
    if (length < 0x10) this.#byte(fixed | length);
    else if (length < 0x10000) this.#put(wide, 2, "setUint16", length);
    else this.#put(wide + 1, 4, "setUint32", length);
  }

  #byte(value) {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  #put(type, size, setter, value) {
    this.#byte(type);
    this.#room(size);
    this.#view[setter](this.#at, value);
    this.#at += size;
  }

  #room(size) {
    if (this.#at + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + size));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

class Reader {
  #bytes;
  #view;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended() {
    return this.#at === this.#bytes.length;
  }

  value(depth) {
    if (depth > MAX_DEPTH) throw new RangeError("MessagePack: nested too deeply");
    const type = this.#take(1, "getUint8");
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#array(type & 0x0f, depth);
    if (type < 0xc0) return this.#string(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    return this.#typed(type, depth);
  }

  #typed(type, depth) {
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#take(1, "getUint8"));
      case 0xc5:
        return this.#binary(this.#take(2, "getUint16"));
      case 0xc6:
        return this.#binary(this.#take(4, "getUint32"));
      case 0xca:
        return this.#take(4, "getFloat32");
      case 0xcb:
        return this.#take(8, "getFloat64");
      case 0xcc:
        return this.#take(1, "getUint8");
      case 0xcd:
        return this.#take(2, "getUint16");
      case 0xce:
        return this.#take(4, "getUint32");
      case 0xcf:
        return Number(this.#take(8, "getBigUint64"));
      case 0xd0:
        return this.#take(1, "getInt8");
      case 0xd1:
        return this.#take(2, "getInt16");
      case 0xd2:
        return this.#take(4, "getInt32");
      case 0xd3:
        return Number(this.#take(8, "getBigInt64"));
      case 0xd9:
        return this.#string(this.#take(1, "getUint8"));
      case 0xda:
        return this.#string(this.#take(2, "getUint16"));
      case 0xdb:
        return this.#string(this.#take(4, "getUint32"));
      case 0xdc:
        return this.#array(this.#take(2, "getUint16"), depth);
      case 0xdd:
        return this.#array(this.#take(4, "getUint32"), depth);
      case 0xde:
        return this.#map(this.#take(2, "getUint16"), depth);
      case 0xdf:
        return this.#map(this.#take(4, "getUint32"), depth);
      default:
        throw new TypeError(`MessagePack: frames have no type 0x${type.toString(16)}`);
    }
  }

  #take(size, getter) {
    const value = this.#view[getter](this.#at);
    this.#at += size;
    return value;
  }

  #binary(length) {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("MessagePack: cut off");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #string(length) {
    const bytes = this.#binary(length);
    if (length > SHORT) return text.decode(bytes);
    let read = "";
    for (const byte of bytes) {
      if (byte >= 0x80) return text.decode(bytes);
      read += String.fromCharCode(byte);
    }
    return read;
  }

  /** Each value takes a byte at least, so a length that lies ends at the bytes' end. */
  #array(length, depth) {
    const values = [];
    for (let index = 0; index < length; index += 1) values.push(this.value(depth + 1));
    return values;
  }

  #map(length, depth) {
    const read = {};
    for (let index = 0; index < length; index += 1) {
      const name = this.value(depth + 1);
      if (typeof name !== "string") throw new TypeError("MessagePack: a name that is no text");
      const value = this.value(depth + 1);
      if (name === "__proto__") Object.defineProperty(read, name, { value, ...ORDINARY });
      else read[name] = value;
    }
    return read;
  }
}
