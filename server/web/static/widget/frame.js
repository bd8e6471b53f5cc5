/** The widget's own corner of the page: a shadow root with its style sheet, the launcher, and the panel that opens. */

import { h, setText } from "../chat/dom.js";
import { icon } from "./icons.js";
import { css } from "./style.css";

const NARROW = "(max-width: 30rem), (max-height: 26rem)";
const FOCUSABLE = "button:not(:disabled), [href], input, textarea, summary, [tabindex='0']";

export class Frame {
  #words;
  #opener = null;
  #shown;
  #heard;
  #narrow = matchMedia(NARROW);
  #overflow = null;
  isOpen = false;

  /** @param {(open: boolean) => void} shown the panel was opened or closed */
  constructor(config, words, panel, shown) {
    const { say } = words;
    this.#words = words;
    this.#shown = shown;
    this.badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
    const faces = [icon("chat"), icon("down")];
    faces[1].classList.add("when-open");
    this.launcher = h(
      "button",
      { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "panel" },
      ...faces,
      this.badge,
    );
    this.launcher.hidden = !config.launcher;
    this.#heard = h("div", { class: "hidden", role: "status" });
    this.panel = panel;
    Object.assign(panel, { id: "panel", hidden: true });
    this.host = hostOf(config, words);
    const root = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    root.append(panel, this.launcher, this.#heard);
    this.#label(say("launch"));
    this.launcher.addEventListener("click", () => this.toggle());
    panel.addEventListener("keydown", (event) => this.#key(event));
    this.#narrow.addEventListener("change", () => this.#modal());
    globalThis.visualViewport?.addEventListener("resize", () => this.#fit());
  }

  get isNarrow() {
    return this.#narrow.matches;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** @param {boolean} focus whether the visitor asked for it just now */
  open(focus = true) {
    if (this.isOpen) return;
    this.#opener = focus ? document.activeElement : null;
    this.#set(true);
    this.#shown(true, focus);
  }

  close() {
    if (!this.isOpen) return;
    const inside = this.host.shadowRoot.activeElement !== null;
    this.#set(false);
    const opener =
      this.#opener?.isConnected && this.#opener !== this.host && this.#opener !== document.body
        ? this.#opener
        : this.launcher;
    if (inside) opener.focus({ preventScroll: true });
    this.#shown(false, false);
  }

  /** @param {number} unread */
  tell(unread) {
    const { say } = this.#words;
    const words = unread > 0 ? say("unread", { n: unread }) : "";
    this.badge.hidden = unread === 0;
    setText(this.badge, unread > 99 ? "99+" : new Intl.NumberFormat(this.#words.language).format(unread));
    setText(this.#heard, this.isOpen ? "" : words);
    this.#label(this.isOpen ? say("close") : [say("launch"), words].filter(Boolean).join(", "));
  }

  remove() {
    this.close();
    this.host.remove();
  }

  #label(text) {
    if (this.launcher.getAttribute("aria-label") !== text) this.launcher.setAttribute("aria-label", text);
  }

  #set(open) {
    this.isOpen = open;
    this.panel.hidden = !open;
    this.host.toggleAttribute("data-open", open);
    this.launcher.setAttribute("aria-expanded", String(open));
    this.#modal();
  }

  /** On a phone the panel is the whole screen: what lies behind neither scrolls nor takes the focus. */
  #modal() {
    const modal = this.isOpen && this.isNarrow;
    this.panel.toggleAttribute("aria-modal", modal);
    if (modal) this.panel.setAttribute("aria-modal", "true");
    const { style } = document.documentElement;
    if (modal && this.#overflow === null) {
      this.#overflow = style.getPropertyValue("overflow");
      style.setProperty("overflow", "hidden");
    } else if (!modal && this.#overflow !== null) {
      style.setProperty("overflow", this.#overflow);
      this.#overflow = null;
    }
    this.#fit();
  }

  /** A phone's keyboard covers what is fixed to the bottom; the visible part is what counts. */
  #fit() {
    const height = this.isOpen && this.isNarrow ? globalThis.visualViewport?.height : undefined;
    if (height === undefined) this.host.style.removeProperty("--visible");
    else this.host.style.setProperty("--visible", `${height}px`);
  }

  #key(event) {
    if (event.key === "Escape" && !event.isComposing) {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab" && this.isNarrow) this.#trap(event);
  }

  #trap(event) {
    const all = [...this.panel.querySelectorAll(FOCUSABLE)].filter((one) => one.checkVisibility());
    const active = this.host.shadowRoot.activeElement;
    const [from, to] = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    if (active !== from && all.includes(active)) return;
    event.preventDefault();
    to.focus();
  }
}

function hostOf({ theme, position, accent }, { language, direction }) {
  const host = h("parlance-chat", { lang: language, dir: direction, "data-theme": theme, "data-position": position });
  if (accent !== null) host.style.setProperty("--parlance-accent", accent);
  return host;
}
