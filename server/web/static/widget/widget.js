/** The widget's parts, put together. */

import { Frame } from "./frame.js";
import { Notifier } from "./notifier.js";
import { Panel } from "./panel.js";
import { explain, watchPolicy } from "./refusal.js";
import { Session } from "./session.js";

const OPEN = "parlance.open";
/** Lets day names and a lapsed wait move on while nothing else happens. */
const REFRESH_MS = 20_000;

const tell = (type, detail = null) => document.dispatchEvent(new CustomEvent(`parlance:${type}`, { detail }));

export class Widget {
  #config;
  #words;
  #source;
  #session;
  #notifier;
  #panel;
  #frame;
  #unread = 0;
  #explained = false;

  constructor(config, words, warn) {
    this.#config = config;
    this.#words = words;
    this.#source = tokenSource(config, warn);
    this.#session = new Session(config, this.#source);
    this.#notifier = new Notifier(this.#session.shared, config.notifications);
    this.#panel = new Panel(config, words, this.#session.own, this.#actions());
    this.#frame = new Frame(config, words, this.#panel.element, (open, focus) => this.#shown(open, focus));
  }

  /** `window.parlance`. */
  get api() {
    const frame = this.#frame;
    const session = this.#session;
    const unread = () => this.#unread;
    return {
      open: () => frame.open(),
      close: () => frame.close(),
      toggle: () => frame.toggle(),
      send: (text) => this.#say(String(text)),
      /** A token, a function that gives one, or null: nobody is signed in. */
      identify: (source) => session.identify(source),
      /** At a sign-out: leaves nothing of the visitor in this browser. */
      forget: () => {
        frame.close();
        session.forget(this.#config.tokenFunction === null ? null : this.#source);
      },
      get unread() {
        return unread();
      },
    };
  }

  attach() {
    const { open } = this.#config;
    document.body.append(this.#frame.host);
    this.#bell();
    watchPolicy(this.#config);
    this.#listen();
    if (this.#session.begun) this.#session.start();
    this.#draw();
    if (open || (this.#session.own.get(OPEN, false) && !this.#frame.isNarrow)) this.#frame.open(false);
    tell("ready");
  }

  #actions() {
    const chat = () => this.#session.chat;
    const told = ({ message }) => this.#panel.notice(message);
    return {
      say: (text) => this.#say(text),
      retry: (key) => chat().retry(key),
      discard: (key) => chat().discard(key),
      rate: (messageId, rating) => chat().rate(messageId, rating),
      loadEarlier: () => chat().loadEarlier().catch(told),
      typing: (on) => chat()?.typing(on),
      human: () => chat().handoff().catch(told),
      startNew: () => chat().startNew(),
      notify: () => this.#notify(),
      close: () => this.#frame.close(),
      tryNow: () => this.#session.tryNow(),
    };
  }

  #say(text) {
    this.#session.start();
    return this.#session.chat.send(text);
  }

  async #notify() {
    if (!(await this.#notifier.toggle())) this.#panel.notice(this.#words.say("refused"));
    this.#bell();
  }

  #bell() {
    this.#panel.showNotified(this.#notifier.possible, this.#notifier.on);
  }

  /** The panel was opened or closed. Whoever has not talked here yet is asked for their name where the page wants it. */
  #shown(open, focus) {
    this.#session.own.set(OPEN, open);
    if (open && this.#session.chat === null) this.#begin();
    this.#draw();
    if (open) this.#panel.shown(focus);
    tell(open ? "open" : "close");
  }

  #begin() {
    const { preChat, privacy } = this.#config;
    if (this.#session.begun || preChat.length === 0) this.#session.start();
    else this.#panel.ask(preChat, privacy, (known) => this.#session.start(known));
  }

  #draw() {
    const { chat, state } = this.#session;
    const isOpen = this.#frame.isOpen;
    this.#panel.draw(chat, state);
    if (isOpen && document.hasFocus()) chat?.read();
    const unread = chat?.unread ?? 0;
    this.#frame.tell(isOpen ? 0 : unread);
    if (unread !== this.#unread) tell("unread", { count: unread });
    this.#unread = unread;
  }

  #heard({ text, from }) {
    tell("message", { text, from });
    if (!document.hasFocus()) this.#notifier.tell(from.name, text, () => this.#frame.open());
  }

  #linked({ state }) {
    if (state === "waiting" && !this.#session.wasOnline && !this.#explained) {
      this.#explained = true;
      explain(this.#config);
    }
    this.#draw();
    tell("state", { state });
  }

  #listen() {
    const session = this.#session;
    const draw = () => this.#draw();
    session.on("change", draw);
    session.on("state", (state) => this.#linked(state));
    session.on("message", (message) => this.#heard(message));
    session.on("notice", ({ kind, text }) =>
      this.#panel.notice(kind === "rating" ? this.#words.say("ratingFailed") : text),
    );
    addEventListener("storage", ({ key }) => session.otherTab(key));
    for (const type of ["online", "offline"]) addEventListener(type, () => session.probe());
    addEventListener("focus", draw);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      session.probe();
      draw();
    });
    setInterval(draw, REFRESH_MS);
  }
}

/** `data-token-function="shop.chatToken"`: looked up when it is needed, for it may be defined later than this runs. */
function tokenSource({ tokenFunction, token }, warn) {
  if (tokenFunction === null) return token;
  return async () => {
    const found = tokenFunction.split(".").reduce((value, name) => value?.[name], globalThis);
    if (typeof found === "function") return found();
    warn(`data-token-function="${tokenFunction}" is no function of this page`);
    throw new Error(`no function ${tokenFunction}`);
  };
}
