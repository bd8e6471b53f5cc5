/** Notifications of the browser, for answers that come while nobody looks. Off until the visitor turns them on. */

const ON = "parlance.notify";

export class Notifier {
  #kept;
  #wanted;

  /** @param {import("../parlance/kept.js").Kept} kept for all tabs @param {boolean} wanted by the page */
  constructor(kept, wanted) {
    this.#kept = kept;
    this.#wanted = wanted;
  }

  get possible() {
    return this.#wanted && "Notification" in globalThis && isSecureContext;
  }

  get on() {
    return this.possible && Notification.permission === "granted" && this.#kept.get(ON, false);
  }

  /** @returns {Promise<boolean>} false where the browser refuses */
  async toggle() {
    if (this.on) this.#kept.set(ON, false);
    else if ((await Notification.requestPermission()) === "granted") this.#kept.set(ON, true);
    else return false;
    return true;
  }

  tell(title, body, pressed) {
    if (!this.on) return;
    try {
      const shown = new Notification(title, { body: body.slice(0, 200), tag: "parlance" });
      shown.addEventListener("click", () => {
        focus();
        pressed();
        shown.close();
      });
    } catch {
      // Chrome on Android shows none that no service worker stands behind
    }
  }
}
