/** Who is asking: a short form before the first message, where the page wants it. */

import { h, setText } from "../chat/dom.js";

const AUTOCOMPLETE = { name: "name", email: "email" };
const MAX = 200;

export class PreChat {
  #inputs;

  /**
   * @param {{name: string, required: boolean}[]} fields
   * @param {(known: Object<string, string>) => void} done what was filled in
   */
  constructor(fields, { say }, privacy, done) {
    this.#inputs = fields.map((field) => ({ ...field, ...inputOf(field, say) }));
    const about =
      privacy && h("a", { class: "link", href: privacy, target: "_blank", rel: "noopener" }, say("privacy"));
    const title = h("h3", {}, say("before"));
    const labels = this.#inputs.map(({ label }) => label);
    const start = h("button", { class: "primary" }, say("start"));
    this.element = h("form", { class: "pre-chat", novalidate: true }, title, ...labels, start, about);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      const wrong = this.#inputs.filter((one) => !checked(one, say));
      if (wrong.length > 0) wrong[0].input.focus();
      else done(this.#values());
    });
  }

  focus() {
    this.#inputs[0].input.focus({ preventScroll: true });
  }

  #values() {
    const entries = this.#inputs.map(({ name, input }) => [name, input.value.trim()]);
    return Object.fromEntries(entries.filter(([, value]) => value !== ""));
  }
}

function inputOf({ name, required }, say) {
  const type = name === "email" ? "email" : "text";
  const problem = h("span", { class: "problem", id: `${name}-problem`, role: "alert" });
  const about = { required, maxlength: MAX, autocomplete: AUTOCOMPLETE[name], "aria-describedby": `${name}-problem` };
  const input = h("input", { type, name, dir: "auto", ...about });
  const note = required ? null : h("span", { class: "note" }, ` (${say("optional")})`);
  const label = h("label", {}, h("span", {}, say(name), note), input, problem);
  return { input, problem, label };
}

function checked({ name, required, input, problem }, say) {
  const value = input.value.trim();
  const missing = required && value === "";
  const wrong = !missing && name === "email" && value !== "" && !/^[^\s@]+@[^\s@]+$/.test(value);
  setText(problem, missing ? say("missing") : wrong ? say("emailWrong") : "");
  input.toggleAttribute("aria-invalid", missing || wrong);
  return !missing && !wrong;
}
