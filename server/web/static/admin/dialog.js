/** One question at a time: what is about to be done, the values it needs, yes or no. */

import { h, setText } from "../chat/dom.js";

/**
 * @typedef {{name: string, label: string, type?: string, value?: string, hint?: string,
 *   options?: (string | {value: string, label: string})[], required?: boolean, min?: number, max?: number,
 *   step?: string, pattern?: string, maxlength?: number, rows?: number,
 *   check?: (value: string, values: Object<string, string>) => string,
 *   fills?: (value: string) => Object<string, string>}} Field `check` says what is wrong, "" for nothing; `fills`: what
 *   choosing a value puts into other fields
 */

/**
 * Ask before something is done. The dialog stays open until it is done, so that a refusal can be mended; what is wrong
 * with a field stands beside it.
 * @param {{title: string, text?: string, fields?: Field[], button: string, danger?: boolean,
 *   blame?: (sentence: string, values: Object<string, string>) => string | null,
 *   run: (values: Object<string, string>) => Promise<unknown>}} what `blame` names the field that a refusal is about
 * @returns {Promise<{done: boolean, values: Object<string, string>, result: unknown}>}
 */
export function ask({ title, text = "", fields = [], button, danger = false, blame = () => null, run }) {
  const id = "dialog-title";
  const problem = h("p", { class: "dialog-problem", role: "alert" });
  const confirm = h("button", { type: "submit", class: danger ? "primary danger" : "primary" }, button);
  const cancel = h("button", { type: "button", class: "button" }, "Cancel");
  const controls = fields.map(controlOf);
  fillFromEachOther(controls);
  const form = h(
    "form",
    { class: "dialog-form", novalidate: true },
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
      setText(problem, "");
      if (!allFit(controls, values)) return;
      confirm.disabled = true;
      try {
        outcome = { done: true, values, result: await run(values) };
        dialog.close();
      } catch (error) {
        const meant = controls.find(({ name }) => name === blame(error.message, values));
        if (meant === undefined) setText(problem, error.message);
        else tell([meant], () => error.message);
        confirm.disabled = false;
      }
    });
    dialog.showModal();
    (controls[0]?.control ?? confirm).focus();
  });
}

/** Whether every field holds what it may; beside each that does not stands why, and the first gets the focus. */
function allFit(controls, values) {
  const wrong = ({ name, control, check }) => control.validationMessage || check?.(values[name], values) || "";
  return tell(controls, wrong);
}

function tell(controls, problemOf) {
  const wrong = controls.filter((one) => {
    const sentence = problemOf(one);
    setText(one.problem, sentence);
    one.problem.hidden = sentence === "";
    one.control.setAttribute("aria-invalid", String(sentence !== ""));
    return sentence !== "";
  });
  wrong[0]?.control.focus();
  return wrong.length === 0;
}

/** A choice that fills other fields: a template, say. */
function fillFromEachOther(controls) {
  for (const { control, fills } of controls) {
    if (fills === undefined) continue;
    control.addEventListener("change", () => {
      const given = fills(control.value);
      for (const other of controls) if (given[other.name] !== undefined) other.control.value = given[other.name];
    });
  }
}

function controlOf({ name, label, hint = "", options, value = "", check, fills, ...attributes }) {
  const id = `field-${name.replaceAll(" ", "-")}`;
  const problem = h("span", { class: "field-problem", id: `${id}-problem`, role: "alert", hidden: true });
  const described = [hint === "" ? null : `${id}-hint`, problem.id].filter(Boolean).join(" ");
  const shared = { id, name, class: "input", "aria-describedby": described };
  const control =
    attributes.rows !== undefined
      ? h("textarea", { ...shared, ...attributes, class: "input lines", spellcheck: "false" }, value)
      : options === undefined
      ? h("input", { type: "text", autocomplete: "off", ...shared, ...attributes, value })
      : h("select", { ...shared, ...attributes }, ...options.map((one) => optionOf(one, value)));
  return {
    name,
    control,
    problem,
    check,
    fills,
    root: h(
      "div",
      { class: "field" },
      h("label", { class: "field-name", for: id }, label),
      control,
      hint === "" ? null : h("span", { class: "field-hint", id: `${id}-hint` }, hint),
      problem,
    ),
  };
}

function optionOf(one, chosen) {
  const { value, label } = typeof one === "string" ? { value: one, label: one } : one;
  return h("option", { value, selected: value === chosen }, label);
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
