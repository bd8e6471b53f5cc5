/** One question at a time: what is about to be done, the values it needs, yes or no. */

import { h, setText } from "../chat/dom.js";

/**
 * @typedef {{name: string, label: string, type?: string, value?: string, hint?: string, options?: string[],
 *   required?: boolean, min?: number, max?: number, step?: string, pattern?: string, maxlength?: number}} Field
 */

/**
 * Ask before something is done. The dialog stays open until it is done, so that a refusal can be mended.
 * @param {{title: string, text?: string, fields?: Field[], button: string, danger?: boolean,
 *   run: (values: Object<string, string>) => Promise<unknown>}} what
 * @returns {Promise<{done: boolean, values: Object<string, string>, result: unknown}>}
 */
export function ask({ title, text = "", fields = [], button, danger = false, run }) {
  const id = "dialog-title";
  const problem = h("p", { class: "dialog-problem", role: "alert" });
  const confirm = h("button", { type: "submit", class: danger ? "primary danger" : "primary" }, button);
  const cancel = h("button", { type: "button", class: "button" }, "Cancel");
  const controls = fields.map(controlOf);
  const form = h(
    "form",
    { class: "dialog-form" },
    h("h2", { class: "dialog-title", id }, title),
    text === "" ? null : h("p", { class: "dialog-text" }, text),
    ...controls.map(({ root }) => root),
    problem,
    h("div", { class: "dialog-actions" }, cancel, confirm),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": id }, form);
  document.body.append(dialog);
  return new Promise((settle) => {
    let outcome = { done: false, values: {}, result: null };
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      settle(outcome);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(controls.map(({ name, control }) => [name, control.value.trim()]));
      confirm.disabled = true;
      setText(problem, "");
      try {
        outcome = { done: true, values, result: await run(values) };
        dialog.close();
      } catch (error) {
        setText(problem, error.message);
        confirm.disabled = false;
      }
    });
    dialog.showModal();
    (controls[0]?.control ?? confirm).focus();
  });
}

function controlOf({ name, label, hint = "", options, value = "", ...attributes }) {
  const id = `field-${name.replaceAll(" ", "-")}`;
  const described = hint === "" ? null : `${id}-hint`;
  const shared = { id, name, class: "input", "aria-describedby": described };
  const control =
    attributes.rows !== undefined
      ? h("textarea", { ...shared, ...attributes, class: "input lines", spellcheck: "false" }, value)
      : options === undefined
      ? h("input", { type: "text", autocomplete: "off", ...shared, ...attributes, value })
      : h("select", { ...shared, ...attributes }, ...options.map((one) => h("option", { value: one, selected: one === value }, one)));
  return {
    name,
    control,
    root: h(
      "label",
      { class: "field", for: id },
      h("span", { class: "field-name" }, label),
      control,
      hint === "" ? null : h("span", { class: "field-hint", id: described }, hint),
    ),
  };
}

/** Something to read, such as a token that is shown once. */
export function show({ title, text, secret }) {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "dialog-title" },
    h("h2", { class: "dialog-title", id: "dialog-title" }, title),
    h("p", { class: "dialog-text" }, text),
    h("textarea", { class: "input dialog-secret", readonly: true, rows: "4", "aria-label": title }, secret),
    h("form", { method: "dialog", class: "dialog-actions" }, h("button", { type: "submit", class: "primary" }, "Done")),
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}
