/** The weight in hand as numbers: its indices, its value, and what can be made zero. */
import { editsOf, MATRICES, sizeOf } from "../state/edits.js";
import { typedNumber } from "../state/fields.js";
import { plain } from "../render/format.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { markLive } from "./keyboard.js";
import { refusalWords } from "./refusals.js";

/** @typedef {{i: number, j: number}} Cell */
/** @typedef {"chosen" | "row" | "column" | "all"} Part */

/**
 * @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene
 * @param {{weightAt: (i: number, j: number) => number, typicalSize: () => number, leave: () => void}} matrix
 * @param {AbortSignal} signal
 */
export function mountWeightEditor(element, scene, { weightAt, typicalSize, leave }, signal) {
  const { store } = scene;
  element.innerHTML = `
    <span class="weight-editor">[<input class="index" data-axis="i" inputmode="numeric" aria-label="row i of the weight, to unit" placeholder="i"><span class="of-matrix">,
    <input class="index" data-axis="j" inputmode="numeric" aria-label="column j of the weight, from unit" placeholder="j"></span>] =
    <input class="weight" inputmode="decimal" aria-label="value of the weight" placeholder="pick one" disabled>
    <select class="zero" aria-label="make weights zero" title="make weights zero"><option value="">→ 0</option><option value="chosen"></option><option value="row"></option><option value="column"></option><option value="all">all of them</option></select></span>
    <span class="panel-problem field-problem" role="alert"></span><span class="visually-hidden" role="status"></span>`;
  const inputs = [...element.querySelectorAll("input")];
  const [rowInput, columnInput, valueInput] = /** @type {[HTMLInputElement, HTMLInputElement, HTMLInputElement]} */ (/** @type {unknown} */ (inputs));
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const [problem, spoken, columnPart] = [find(".panel-problem"), find("[role=status]"), find(".of-matrix")];
  const zeros = /** @type {HTMLSelectElement} */ (find(".zero"));
  markLive(valueInput);
  let isTyping = false;
  let isOwnChange = false;
  /** What is wrong with what is typed. */
  let complaint = "";
  /** The operations to come back to when what is typed stops being a number. */
  let before = editsOf(store.experiment, store.view.matrix);

  const isVector = () => MATRICES[store.view.matrix].columns === null;

  function show() {
    const { cell, corner, matrix } = store.view;
    writeHidden(columnPart, isVector());
    if (valueInput.disabled !== !cell) valueInput.disabled = !cell;
    showZeros();
    const refused = scene.refused?.op === "set" || scene.refused?.op === "zero" ? scene.refused.message : "";
    writeText(problem, complaint || (refused && refusalWords(refused)));
    writeAttribute(problem, "title", complaint ? "" : refused);
    if (!cell) {
      for (const input of inputs) if (document.activeElement !== input && input.value) input.value = "";
      return;
    }
    for (const [input, index] of /** @type {const} */ ([[rowInput, cell.i], [columnInput, cell.j]])) {
      if (document.activeElement !== input && input.value !== String(index + 1)) input.value = String(index + 1);
    }
    const text = shownText(cell);
    // Writing the same text would move the caret of whoever types.
    if (!isTyping && valueInput.value !== text) valueInput.value = text;
    writeText(spoken, `${matrix}[${cell.i + 1}${isVector() ? "" : `, ${cell.j + 1}`}] = ${text}${corner ? `, block to [${corner.i + 1}, ${corner.j + 1}]` : ""}`);
  }

  /** @param {Cell} cell */
  const shownText = ({ i, j }) => String(Number(weightAt(i, j).toPrecision(6)));

  function showZeros() {
    const { cell, corner } = store.view;
    const [, chosen, row, column] = zeros.options;
    if (!chosen || !row || !column) return;
    for (const option of [chosen, row]) option.disabled = !cell;
    writeHidden(column, isVector());
    column.disabled = !cell;
    writeText(chosen, corner ? "the chosen block" : "this weight");
    writeText(row, cell ? `row ${cell.i + 1}` : "row");
    writeText(column, cell ? `column ${cell.j + 1}` : "column");
  }

  /** @param {Part} part */
  function zero(part) {
    const { cell, corner, matrix } = store.view;
    if (!cell && part !== "all") return;
    const [here, other] = [cell ?? { i: 0, j: 0 }, corner ?? cell ?? { i: 0, j: 0 }];
    /** @param {number} a @param {number} b @returns {[number, number]} */
    const span = (a, b) => [Math.min(a, b), Math.max(a, b) + 1];
    const rows = part === "chosen" || part === "row" ? { rows: part === "row" ? span(here.i, here.i) : span(here.i, other.i) } : {};
    const columns = !isVector() && (part === "chosen" || part === "column") ? { columns: part === "column" ? span(here.j, here.j) : span(here.j, other.j) } : {};
    store.operate(matrix, { op: "zero", ...rows, ...columns });
  }

  /** What is done to one weight without a pause is one step. @param {Cell} cell */
  const stepOf = ({ i, j }) => `set ${store.view.matrix} ${i} ${j}`;

  /** @param {Cell} cell @param {number} value @param {readonly import("../state/experiment.js").Edit[]} base @param {boolean} isTyped */
  function setWeight(cell, value, base, isTyped) {
    const { i, j } = cell;
    isOwnChange = true;
    store.operate(store.view.matrix, { op: "set", i, ...(isVector() ? {} : { j }), value }, { before: base, merge: stepOf(cell), isTyped });
    isOwnChange = false;
  }

  /** The weight is again what it was when it came into the hand. @param {Cell} cell */
  function restore(cell) {
    isOwnChange = true;
    store.edit({ [MATRICES[store.view.matrix].path]: before }, { label: "weight", merge: stepOf(cell) });
    isOwnChange = false;
  }

  /** Takes the chosen weight's value into the field. */
  function take() {
    show();
    valueInput.focus();
    valueInput.select();
  }

  /** The start of a scrub, which is one step. @param {Cell} cell */
  function begin(cell) {
    const base = editsOf(store.experiment, store.view.matrix);
    isTyping = false;
    const end = () => {
      store.endStep();
      before = editsOf(store.experiment, store.view.matrix);
    };
    return { set: (/** @type {number} */ value) => setWeight(cell, value, base, false), end, cancel: () => store.abandon(stepOf(cell)) };
  }

  /** @param {string} text what is wrong, "" for nothing */
  function complain(text) {
    complaint = text;
    writeText(problem, text);
    if (text) valueInput.setAttribute("aria-invalid", "true");
    else valueInput.removeAttribute("aria-invalid");
  }

  valueInput.addEventListener("input", () => {
    const { cell } = store.view;
    if (!cell) return;
    isTyping = true;
    const value = readNumber(valueInput.value, store.experiment.dtype);
    complain(value === null ? `weight: got “${valueInput.value.slice(0, 20)}”; expected a finite number that fits ${store.experiment.dtype}.` : "");
    if (value !== null) setWeight(cell, value, before, true);
    // On the way to a number that doesn't fit there may have been one that did (1e3 in 1e39).
    else restore(cell);
  }, { signal });
  store.subscribe((change) => {
    if (change !== "experiment" || isOwnChange) return;
    // A refusal speaks of what is typed. Undo, a preset or another link: what was being typed is over.
    if (store.isRetracting && isTyping) return valueInput.setAttribute("aria-invalid", "true");
    isTyping = false;
    before = editsOf(store.experiment, store.view.matrix);
    complain("");
  }, signal);
  valueInput.addEventListener("focus", () => (before = editsOf(store.experiment, store.view.matrix)), { signal });
  valueInput.addEventListener("keydown", (event) => {
    const { cell } = store.view;
    if (!cell) return;
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const step = (event.shiftKey ? 0.1 : 0.01) * typicalSize() * (event.key === "ArrowUp" ? 1 : -1);
      isTyping = false;
      setWeight(cell, Number((weightAt(cell.i, cell.j) + step).toPrecision(6)), before, true);
      show();
    } else if (event.key === "Tab") walk(event, cell);
    else if (event.key === "Enter" || event.key === "Escape") {
      if (event.key === "Escape") restore(cell);
      leave();
    }
  }, { signal });
  valueInput.addEventListener("blur", () => {
    isTyping = false;
    complain("");
    store.endStep();
    show();
  }, { signal });

  /** To the next weight in reading order; past the last one the key does what it always does. @param {KeyboardEvent} event @param {Cell} cell */
  function walk(event, { i, j }) {
    const [rows, columns] = sizeOf(store.experiment, store.view.matrix);
    const next = i * columns + j + (event.shiftKey ? -1 : 1);
    if (next < 0 || next >= rows * columns) return;
    event.preventDefault();
    store.endStep();
    isTyping = false;
    complain("");
    store.look({ cell: { i: Math.floor(next / columns), j: next % columns }, corner: null });
    before = editsOf(store.experiment, store.view.matrix);
    take();
  }

  for (const [input, axis] of /** @type {Array<[HTMLInputElement, "i" | "j"]>} */ ([[rowInput, "i"], [columnInput, "j"]])) {
    input.addEventListener("input", () => {
      const size = sizeOf(store.experiment, store.view.matrix)[axis === "i" ? 0 : 1];
      const index = /^\d{1,5}$/.test(input.value.trim()) ? Number(input.value) : NaN;
      const isFit = index >= 1 && index <= size;
      input.setAttribute("aria-invalid", String(!isFit));
      writeText(problem, isFit ? "" : `index ${axis}: got “${input.value.slice(0, 12)}”; expected a whole number from 1 to ${size}.`);
      if (isFit) store.look({ cell: { i: 0, j: 0, ...store.view.cell, [axis]: index - 1 }, corner: null });
    }, { signal });
    input.addEventListener("blur", () => {
      input.removeAttribute("aria-invalid");
      writeText(problem, "");
      show();
    }, { signal });
  }
  zeros.addEventListener("change", () => {
    const part = /** @type {Part} */ (zeros.value);
    zeros.selectedIndex = 0;
    zero(part);
  }, { signal });
  return { show, take, begin, zero };
}

/** @param {string} text @param {string} dtype @returns {number | null} */
function readNumber(text, dtype) {
  const value = typedNumber(text);
  return Number.isFinite(value) && (dtype === "float64" || Number.isFinite(Math.fround(value))) ? value : null;
}
