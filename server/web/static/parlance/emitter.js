/** EventTarget with `emit(type, detail)` and `on(type, (detail) => …)`, which returns the way to stop listening. */
export class Emitter extends EventTarget {
  emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  on(type, listener) {
    const wrapped = (event) => listener(event.detail);
    this.addEventListener(type, wrapped);
    return () => this.removeEventListener(type, wrapped);
  }
}
