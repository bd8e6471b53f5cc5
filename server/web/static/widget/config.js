/** What the page says on the script's element, checked: a wrong value is told in the console and replaced. */

const ON = { on: true, true: true, "": true, off: false, false: false };
const THEMES = { auto: "auto", light: "light", dark: "dark" };
const POSITIONS = { "bottom-end": "end", "bottom-start": "start", "bottom-left": "left", "bottom-right": "right" };
const IDENTITIES = { optional: false, required: true };
const ASKED = new Set(["name", "email"]);

/**
 * @param {DOMStringMap | Object<string, string>} data the `data-…` attributes
 * @param {string} src the script's own address
 * @param {(sentence: string) => void} warn
 */
export function configOf(data, src, warn) {
  const choice = (name, values, otherwise) => {
    const given = data[name];
    if (given === undefined) return otherwise;
    const value = values[given.trim().toLowerCase()];
    if (value === undefined)
      warn(`${attribute(name)}="${given}": it is ${Object.keys(values).filter(Boolean).join(", ")}`);
    return value ?? otherwise;
  };
  return {
    ...addresses(data.server ?? src, src),
    token: data.token || null,
    tokenFunction: data.tokenFunction || null,
    identityRequired: choice("identity", IDENTITIES, false),
    preChat: fieldsOf(data.preChat ?? "off", warn),
    metadata: metadataOf(data),
    language: data.language ?? "auto",
    theme: choice("theme", THEMES, "auto"),
    accent: data.accent || null,
    position: choice("position", POSITIONS, "end"),
    title: data.title || null,
    greeting: data.greeting || null,
    starters: (data.starters ?? "")
      .split("|")
      .map((text) => text.trim())
      .filter(Boolean),
    launcher: choice("launcher", ON, true),
    open: choice("open", ON, false),
    notifications: choice("notifications", ON, true),
    privacy: data.privacy || null,
  };
}

const attribute = (name) => `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Beside the script, wherever a proxy has put both. */
function addresses(server, src) {
  const base = new URL(server, src);
  const socket = new URL("ws", base);
  socket.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  const at = (path) => new URL(path, base).href;
  return { host: base.host, origin: base.origin, socket: socket.href, about: at("widget.json"), words: at("widget/") };
}

/** "name, email*": a star marks what must be given. */
function fieldsOf(text, warn) {
  if (text.trim() === "off") return [];
  const fields = text.split(",").map((one) => one.trim().toLowerCase());
  const known = fields.map((one) => ({ name: one.replace(/\*$/, ""), required: one.endsWith("*") }));
  for (const { name } of known)
    if (!ASKED.has(name)) warn(`data-pre-chat: "${name}" is no field; there are name and email`);
  return known.filter(({ name }) => ASKED.has(name));
}

/** `data-meta-plan="gold"` goes to the agents as `plan`. */
function metadataOf(data) {
  const named = Object.entries(data).filter(([name]) => /^meta[A-Z]/.test(name));
  return Object.fromEntries(named.map(([name, value]) => [attribute(name.slice(4)).slice(6), value]));
}
