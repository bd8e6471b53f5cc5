/** One piece of drawing a frame, so that no frame waits for all of them. */

export class Turns {
  #waiting = new Map();

  /** Draw when it is this piece's turn; what it was to draw before is not drawn any more. */
  take(key, draw) {
    if (this.#waiting.size === 0) requestAnimationFrame(() => this.#next());
    this.#waiting.set(key, draw); // a piece that waits already keeps its place, or the last would never be drawn
  }

  #next() {
    const [[key, draw]] = this.#waiting;
    this.#waiting.delete(key);
    if (this.#waiting.size > 0) requestAnimationFrame(() => this.#next());
    draw();
  }
}
