/** What is in the panel: head, conversation or form, trouble, box. */

import { h, setText } from "../chat/dom.js";
import { Composer } from "./composer.js";
import { icon } from "./icons.js";
import { PreChat } from "./prechat.js";
import { Thread } from "./thread.js";

const SIGN_IN = 4401;
const BANNED = 4403;

export class Panel {
  #words;
  #parts;
  #thread;
  #composer;
  #preChat = null;

  constructor(config, words, kept, actions) {
    const { say } = words;
    this.#words = words;
    const button = (name, icons, label, run) =>
      h(
        "button",
        { type: "button", class: `tool ${name}`, "aria-label": label, title: label, onclick: run },
        icon(icons),
      );
    const parts = {
      title: h("h2", { id: "title", dir: "auto" }, config.title ?? say("title")),
      about: h("p", { class: "about", role: "status" }),
      human: button("human", "person", say("human"), () => actions.human()),
      bell: button("bell", "bell", say("notify"), () => actions.notify()),
      fresh: button("fresh", "fresh", say("anew"), () => actions.startNew()),
      close: button("close", "close", say("close"), () => actions.close()),
      trouble: h("div", { class: "trouble", role: "status", hidden: true }),
      said: h("span", {}),
      retry: h("button", { type: "button", class: "link", onclick: () => actions.tryNow() }, say("now")),
      standing: h("p", { class: "standing", role: "status", dir: "auto", hidden: true }),
      body: h("div", { class: "body" }),
    };
    parts.trouble.append(parts.said, parts.retry);
    this.#parts = parts;
    this.#thread = new Thread(words, config, actions);
    this.#composer = new Composer(words, kept, actions);
    const names = h("div", { class: "names" }, parts.title, parts.about);
    const head = h("div", { class: "top" }, names, parts.human, parts.bell, parts.fresh, parts.close);
    this.element = h("section", { class: "panel", role: "dialog", "aria-labelledby": "title" }, head, parts.standing, parts.body);
    this.showNotified(false, false);
    this.#chatting();
  }

  /** Ask who it is first; `done` gets what was filled in. */
  ask(fields, privacy, done) {
    this.#preChat = new PreChat(fields, this.#words, privacy, (known) => {
      this.#preChat = null;
      this.#chatting();
      done(known);
      this.#composer.focus();
    });
    this.#parts.body.replaceChildren(this.#preChat.element);
  }

  /** The panel was opened. @param {boolean} focus whether the visitor asked for it */
  shown(focus) {
    this.#composer.shown();
    this.#thread.toEnd();
    if (focus) (this.#preChat ?? this.#composer).focus();
  }

  /** @param {import("../parlance/chat.js").Chat | null} chat */
  draw(chat, state) {
    this.#thread.draw(chat);
    const { about, human, fresh, standing } = this.#parts;
    setText(standing, chat?.standing ?? "");
    standing.hidden = !chat?.standing;
    const { say } = this.#words;
    const name = chat?.agent?.name;
    const told = { claimed: name ? say("claimed", { name }) : "", waiting: say("waiting") };
    const connecting = state.state === "connecting" && !chat?.loaded;
    setText(about, told[chat?.state] ?? (connecting ? say("connecting") : ""));
    human.hidden = !chat?.loaded || chat.state !== "bot" || state.state !== "online";
    fresh.hidden = !chat?.loaded || chat.messages.length === 0;
    this.#trouble(state);
  }

  /** One sentence above the box, until something else happens. */
  notice(text) {
    setText(this.#parts.said, text);
    this.#parts.retry.hidden = true;
    this.#parts.trouble.hidden = false;
  }

  /** @param {boolean} possible whether this browser and page may at all */
  showNotified(possible, on) {
    const { bell } = this.#parts;
    const label = this.#words.say(on ? "quiet" : "notify");
    bell.hidden = !possible;
    bell.setAttribute("aria-pressed", String(on));
    bell.setAttribute("aria-label", label);
    bell.title = label;
  }

  #chatting() {
    this.#parts.body.replaceChildren(this.#thread.element, this.#parts.trouble, this.#composer.element);
    this.#composer.shown();
  }

  #trouble({ state, attempt, forced, code }) {
    const { trouble, said, retry } = this.#parts;
    const { say } = this.#words;
    const lost = state === "waiting" || (state === "connecting" && attempt > 0);
    trouble.hidden = !lost && state !== "stopped";
    if (trouble.hidden) return;
    const ends = { [SIGN_IN]: say("signIn"), [BANNED]: say("banned") };
    setText(said, lost ? say("offline") : (ends[code] ?? say("ended")));
    retry.hidden = forced || state === "connecting" || code === BANNED;
  }
}
