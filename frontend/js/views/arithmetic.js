/**
 * The whole arithmetic of one unit at the cursor's step, for networks of a few units: every term of
 * W_xh x_t + W_hh h_{t-1} + b_h, their sum, and what the activation makes of it.
 */
import { hasArithmetic } from "../net/wish.js";
import { plain } from "../render/format.js";
import { readableDigits } from "../render/sums.js";
import { writeHidden } from "../render/write.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {{weight: number, value: number, name: string}} Term */

const ACTIVATIONS = Object.freeze({ tanh: "tanh", relu: "ReLU", linear: "" });

const LAST_WORD = "the state itself, as the run has it; the terms before it are rounded for reading";

/** @param {HTMLElement} panel the weights' panel @param {import("../render/scene.js").Scene} scene */
export function mountArithmetic(panel, scene) {
  const element = document.createElement("div");
  element.className = "arithmetic";
  element.hidden = true;
  panel.append(element);
  let written = "";
  return {
    draw() {
      const isShown = hasArithmetic(scene.store.experiment.cell);
      writeHidden(element, !isShown);
      const text = isShown && scene.run ? words(scene.run, scene.store.view.cell?.i ?? 0, scene.store.view.t) : "";
      if (text === written) return;
      written = text;
      element.innerHTML = text;
    },
  };
}

/** @param {Run} run @param {number} i the unit, from 0 @param {number} t the step, from 1 */
function words(run, i, t) {
  const found = termsOf(run, i, t);
  if (typeof found === "string") return `<p>${found}</p>`;
  const { input, recurrent, bias, state } = found;
  const terms = [...input, ...recurrent];
  const sum = terms.reduce((total, { weight, value }) => total + weight * value, bias);
  const digits = readableDigits(terms, bias);
  const phi = ACTIVATIONS[run.experiment.cell.activation];
  const { batch_size: B } = run.experiment;
  return `<p><b>h<sub>${t}</sub>[${i + 1}]</b>${B > 1 ? ` <i>of sequence ${Number(run.sequence) + 1} of ${B}</i>` : ""} = ${phi}(${group("W<sub>xh</sub>x", input, digits.terms)} ${group("+ W<sub>hh</sub>h", recurrent, digits.terms)} <span><i>+ b</i> ${plain(bias, digits.terms)}</span>) = ${phi ? `${phi}(${plain(sum, digits.sum)}) = ` : ""}<b title="${LAST_WORD}">${plain(state, phi ? 3 : digits.sum)}</b></p>`;
}

/** The terms of one product, each named on demand. @param {string} html @param {readonly Term[]} terms @param {number} digits */
function group(html, terms, digits) {
  // As in the cells, without the zero before the point.
  const text = (/** @type {number} */ value) => plain(value, digits).replace(/^(−?)0\./, "$1.");
  const factor = (/** @type {number} */ value) => (value < 0 ? `(${text(value)})` : text(value));
  return `<i>${html}</i> ${terms.map(({ weight, value, name }, k) => `<span title="${name}">${k ? "+ " : ""}${factor(weight)}·${factor(value)}</span>`).join(" ")}`;
}

/**
 * @param {Run} run @param {number} i @param {number} t
 * @returns {{input: Term[], recurrent: Term[], bias: number, state: number} | string} or why there are none
 */
function termsOf(run, i, t) {
  const [W_xh, W_hh, b_h] = [run.weight("W_xh"), run.weight("W_hh"), run.weight("b_h")];
  const [x, h_0] = [run.input("x"), run.input("h_0")];
  if (!W_xh || !W_hh || !b_h || !x || !h_0 || i >= run.H) return "";
  const { t0, t1 } = run.window;
  const isHere = t > t0 && t <= t1 && t - Math.max(t - 1, t0 + 1) < 2;
  const needed = t === 1 ? [t] : [t - 1, t];
  if (!isHere || needed.some((step) => step <= t0 || run.sharing(step - 1)[0] !== run.sharing(step - 1)[1])) {
    return `Zoom in around t = ${t} to see the arithmetic of unit ${i + 1}: a column of the picture holds several steps.`;
  }
  if (run.sequence === "mean" && run.B > 1) return "A mean has no arithmetic: choose a sequence above the hidden states.";
  const { H } = run;
  const states = run.layer("h");
  const D = run.experiment.cell.input_size;
  const before = (/** @type {number} */ j) => (t === 1 ? h_0.data[j] : states[run.columnOf(t - 2) * H + j]) ?? NaN;
  const column = run.columnOf(t - 1);
  const at = (/** @type {{data: ArrayLike<number>}} */ tensor, /** @type {number} */ k) => tensor.data[k] ?? NaN;
  return {
    input: Array.from({ length: D }, (_, d) => ({ weight: at(W_xh, i * D + d), value: at(x, column * D + d), name: `W_xh[${i + 1}, ${d + 1}] · x_t[${d + 1}]` })),
    recurrent: Array.from({ length: H }, (_, j) => ({ weight: at(W_hh, i * H + j), value: before(j), name: `W_hh[${i + 1}, ${j + 1}] · h_t−1[${j + 1}]` })),
    bias: at(b_h, i),
    state: states[column * H + i] ?? NaN,
  };
}
