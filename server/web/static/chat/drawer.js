/** Opens and closes the panel: docked beside the conversation where there is room, else a drawer over it. */

const OPEN = "parlance.panel";
const narrow = matchMedia("(max-width: 63.99rem)");

export class Drawer {
  #parts;
  #kept;
  #changed;
  #opener = null;

  /**
   * @param {Object<string, HTMLElement>} parts
   * @param {import("../parlance/kept.js").Kept} kept for all tabs
   * @param {() => void} changed
   */
  constructor(parts, kept, changed) {
    this.#parts = parts;
    this.#kept = kept;
    this.#changed = changed;
    parts["panel-toggle"].addEventListener("click", () =>
      this.open ? this.close() : this.show(parts["panel-toggle"]),
    );
    parts["panel-close"].addEventListener("click", () => this.close());
    parts.scrim.addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#escape());
    narrow.addEventListener("change", () => this.#arrange());
    if (kept.get(OPEN, false) && !narrow.matches) this.#place(true);
  }

  get open() {
    return !this.#parts.panel.hidden;
  }

  /** @param {HTMLElement} opener gets the focus back */
  show(opener) {
    this.#opener = opener;
    this.#set(true);
    this.#parts["panel-title"].focus({ preventScroll: true });
  }

  close() {
    this.#set(false);
    const back = this.#opener?.isConnected ? this.#opener : this.#parts["panel-toggle"];
    back.focus({ preventScroll: true });
  }

  #escape() {
    if (this.open && (narrow.matches || this.#parts.panel.contains(document.activeElement))) this.close();
  }

  #set(open) {
    this.#place(open);
    if (!narrow.matches) this.#kept.set(OPEN, open);
    this.#changed();
  }

  #place(open) {
    this.#parts.panel.hidden = !open;
    this.#parts["panel-toggle"].setAttribute("aria-expanded", String(open));
    this.#arrange();
  }

  /** A drawer over the page holds the focus: what lies below is inert. */
  #arrange() {
    const over = this.open && narrow.matches;
    this.#parts.scrim.hidden = !over;
    for (const name of ["skip", "top", "chat"]) this.#parts[name].inert = over;
  }
}
