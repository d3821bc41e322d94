/** The bias of the gate that keeps, with the values that the literature starts from: 0, 1 and ln(T − 1). */
import { cellInfo } from "../state/cells.js";
import { FIELD_AT, problemWith } from "../state/fields.js";
import { plain } from "../render/format.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";

const PATH = "bias.forget";

/** @param {HTMLElement} form the controls @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountForgetBias(form, store, signal) {
  const field = /** @type {import("../state/fields.js").Field} */ (FIELD_AT.get(PATH));
  const element = document.createElement("div");
  element.className = "field forget-bias";
  element.innerHTML = `<label for="forget-bias"></label>
    <div class="field-input"><input type="range" min="-2" max="8" step="0.01" aria-label="forget bias"><input id="forget-bias" type="number" step="any"></div>
    <small class="field-hint"></small><div class="forget-marks"></div>`;
  /** @type {HTMLElement} */ (form.querySelector("fieldset")).append(element);
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const slider = /** @type {HTMLInputElement} */ (find("input[type=range]"));
  const number = /** @type {HTMLInputElement} */ (find("input[type=number]"));
  const [label, hint, marks] = [find("label"), find(".field-hint"), find(".forget-marks")];
  const buttons = [["0", "half of everything is forgotten at every step"], ["1", "f = 0.731: half-life 2.2 steps"], ["", "chrono initialisation: f = 1 − 1/T"]].map(([text, title]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text ?? "";
    button.title = title ?? "";
    marks.append(button);
    return button;
  });

  let { compare } = store.view;
  const chrono = () => Math.log(Math.max(store.experiment.steps - 1, 1));
  const valueOfMark = (/** @type {number} */ k) => (k === 2 ? Number(chrono().toFixed(4)) : k);

  /** @param {number} value @param {string | null} merge */
  function take(value, merge) {
    store.edit({ [PATH]: value }, { label: `b_${label.dataset.keep} + ${plain(value, 4)}`, merge });
  }

  function show() {
    const { cell, bias, weights } = store.experiment;
    compare = store.view.compare;
    // Loaded weights stay what they are; what is compared is always drawn.
    const kinds = [...(weights.file === null ? [cell.kind] : []), ...compare];
    const keeps = [...new Set(kinds.map((kind) => cellInfo({ kind }).keep).filter((each) => each !== null))].sort();
    const keep = keeps.join(", ");
    writeHidden(element, keep === "");
    if (keep === "") return;
    if (label.dataset.keep !== keep) {
      label.dataset.keep = keep;
      label.innerHTML = `bias ${keeps.map((each) => `b<sub>${each}</sub>`).join(", ")}`;
      label.title = `added to the bias of the gate that keeps, ${keeps.map((each) => (each === "f" ? "the forget gate f of the LSTM" : "the update gate z of the GRU")).join(" and ")}: large keeps`;
    }
    if (Math.abs(Number(slider.value) - bias.forget) > 0.005) slider.value = String(bias.forget);
    if (document.activeElement !== number && number.value !== String(bias.forget)) number.value = String(bias.forget);
    const open = 1 / (1 + Math.exp(-bias.forget));
    writeText(hint, `${keep} = ${plain(open, 3)}${keeps.length === 1 ? " at rest" : ""}`);
    writeText(buttons[2], `ln(T − 1) = ${plain(chrono(), 3)}`);
    buttons.forEach((button, k) => writeAttribute(button, "aria-pressed", String(Math.abs(bias.forget - valueOfMark(k)) < 1e-3)));
  }

  slider.addEventListener("input", () => take(Number(slider.value), PATH), { signal });
  for (const each of [slider, number]) each.addEventListener("change", () => store.endStep(), { signal });
  number.addEventListener("input", () => {
    const value = number.value.trim() === "" ? NaN : Number(number.value);
    const problem = problemWith(field, value);
    number.setAttribute("aria-invalid", String(problem !== null));
    if (problem === null) take(value, PATH);
  }, { signal });
  number.addEventListener("blur", () => {
    number.setAttribute("aria-invalid", "false");
    number.value = String(store.experiment.bias.forget);
  }, { signal });
  buttons.forEach((button, k) => button.addEventListener("click", () => take(valueOfMark(k), null), { signal }));
  store.subscribe((change) => (change === "experiment" || compare !== store.view.compare) && show(), signal);
  show();
}
