/** What a run costs in multiply–adds, as formulas with the numbers in them: forward, and the two parts of the way back. */
import { cellInfo } from "./cells.js";
import { sizesOf } from "./sizes.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

/**
 * @typedef {object} Cost
 * @property {string} name      plain
 * @property {string} title     what is counted
 * @property {string} formula   of one step
 * @property {string} numbers   the same with the sizes in it
 * @property {number} step      multiply–adds of a step, of attention its mean
 * @property {number} once      those that come once a run
 * @property {number} total     of all T steps of one sequence
 */

/** A term of a step: a factor, its symbols, and what else is in the bracket. @typedef {readonly [symbol: string, numbers: string, value: number]} Term */

/** @param {number} count of blocks @param {...Term} terms @returns {Term} */
function times(count, ...terms) {
  const [symbols, numbers] = [0, 1].map((k) => terms.map((term) => term[k]).join(" + "));
  const value = count * terms.reduce((sum, [, , each]) => sum + each, 0);
  if (count === 1) return [symbols ?? "", numbers ?? "", value];
  return terms.length === 1 ? [`${count}·${symbols}`, `${count}·${numbers}`, value] : [`${count}(${symbols})`, `${count}(${numbers})`, value];
}

/** @param {string} a @param {number} p @param {string} b @param {number} q @returns {Term} */
const product = (a, p, b, q) => [`${a}·${b}`, `${p}·${q}`, p * q];

/** @param {string} name @param {string} title @param {number} T @param {readonly Term[]} terms of each step @param {readonly Term[]} [single] of the whole run @returns {Cost} */
function cost(name, title, T, terms, single = []) {
  const [step = 0, once = 0] = [terms, single].map((all) => all.reduce((sum, [, , value]) => sum + value, 0));
  const text = (/** @type {0 | 1} */ k) => [terms.map((term) => term[k]).join(" + "), ...single.map((term) => `${term[k]} once`)].filter(Boolean).join(", ");
  return { name, title, formula: text(0), numbers: text(1), step, once, total: T * step + once };
}

/** @param {Experiment} experiment @returns {readonly Cost[]} forward, back to the states, back to the weights */
export function costsOf({ cell, steps: T, loss }) {
  const { kind, input_size: D, hidden_size: H, output_size: O, layers: L } = cell;
  const [HD, OH] = [product("H", H, "D", D), product("O", O, "H", H)];
  const HH = /** @type {Term} */ (["H²", `${H}²`, H * H]);
  const isEvery = loss.at === "every";
  // cᵀh is a loss of the state itself: no output stands between them.
  const readout = loss.kind === "linear" ? [] : [OH];
  const [everyReadout, lastReadout] = isEvery ? [readout, []] : [[], readout];
  const names = /** @type {const} */ ({
    forward: ["forward", "the states and the outputs of every step"],
    states: ["back to h", "∂L/∂h of the step before from that of the step after: W_hhᵀ, transposed"],
    weights: ["back to W", "every step's share of the shared matrices' gradients: what training adds. This page needs only the shares' norms, some H products a step"],
  });
  if (kind === "attention") {
    const looks = /** @type {Term} */ (["(T + 1)·H", `${T + 1}·${H}`, (T + 1) * H]);
    const back = isEvery ? /** @type {Term} */ (["2(T + 1)·H", `2·${T + 1}·${H}`, 2 * (T + 1) * H]) : /** @type {Term} */ (["4·H", `4·${H}`, 4 * H]);
    // With its loss at the end only the last query has a gradient; keys and values of all steps have.
    const [projected, lastQuery] = isEvery ? [times(3, HH), []] : [times(2, HH), [HH]];
    return [
      cost(...names.forward, T, [HD, times(3, HH), looks, OH]),
      cost("back to e", "∂L/∂e of every step: through the weights and values of every pair with a loss, then W_qkvᵀ", T, [back, projected, ...everyReadout], [...lastQuery, ...lastReadout]),
      cost(...names.weights, T, [HD, projected, ...everyReadout], [...lastQuery, ...lastReadout]),
    ];
  }
  const G = cellInfo(cell).blocks.length;
  /** The layers above the first read the H units below, and their own. @type {readonly Term[]} */
  const above = L > 1 ? [times(2 * (L - 1) * G, HH)] : [];
  return [
    cost(...names.forward, T, [times(G, HD, HH), ...above, OH]),
    cost(...names.states, T, [times(G * (2 * L - 1), HH), ...everyReadout], lastReadout),
    cost(...names.weights, T, [times(G, HD, HH), ...above, ...everyReadout], lastReadout),
  ];
}

/**
 * How many steps must come one after the other, however many processors there are, and how many
 * pairs of steps are looked at, here and with attention.
 * @param {Experiment} experiment
 */
export function pathsOf(experiment) {
  const { cell, steps: T } = experiment;
  const { path } = sizesOf(cell.kind, { ...experiment, loss: { ...experiment.loss, at: "every" } });
  return { path: path ?? 1, pairs: (T * (T + 1)) / 2 };
}
