/** Tells a person who looks elsewhere that somebody waits: a sound, and a notice of the browser's. */

const WANTED = "parlance.agent.notify";

export class Notifier {
  #kept;
  #button;
  #sound = null;

  /** @param {HTMLElement} button switches it, and tests it by doing so: a sound, and a notice */
  constructor(kept, button) {
    this.#kept = kept;
    this.#button = button;
    button.addEventListener("click", () => this.#switch());
    this.#show();
  }

  get on() {
    return this.#kept.get(WANTED, false);
  }

  tell(text) {
    if (!this.on) return;
    this.#beep();
    if (document.hidden) notice("Somebody waits", text);
  }

  async #switch() {
    this.#kept.set(WANTED, !this.on);
    this.#show();
    if (!this.on) return;
    this.#beep();
    if (globalThis.Notification?.permission === "default") await Notification.requestPermission();
    if (this.on) notice("Notifications are on", "This is how you hear that somebody waits.");
  }

  #show() {
    this.#button.setAttribute("aria-pressed", String(this.on));
    this.#button.textContent = this.on ? "Notifying" : "Notify me";
  }

  /** Two short notes. Browsers allow sound only after a click on the page: before that it stays silent. */
  #beep() {
    try {
      this.#sound ??= new AudioContext();
      for (const [index, pitch] of [660, 880].entries()) {
        const [tone, volume] = [this.#sound.createOscillator(), this.#sound.createGain()];
        const at = this.#sound.currentTime + index * 0.14;
        tone.frequency.value = pitch;
        volume.gain.setValueAtTime(0.08, at);
        volume.gain.exponentialRampToValueAtTime(0.001, at + 0.13);
        tone.connect(volume).connect(this.#sound.destination);
        tone.start(at);
        tone.stop(at + 0.14);
      }
    } catch {
      // a browser without sound
    }
  }
}

/** Nothing where the person or the browser does not want any. */
function notice(title, body) {
  if (globalThis.Notification?.permission !== "granted") return;
  try {
    new Notification(title, { body, tag: "parlance-queue" });
  } catch {
    // Chrome on Android shows none that no service worker stands behind
  }
}
