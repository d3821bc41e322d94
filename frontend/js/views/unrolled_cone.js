/** The dependency cone of a state: what it depends on, and what depends on it. Pure. */
import { generates } from "../state/forms.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("./influence.js").Influence} Influence */
/** @typedef {import("../state/linked_view.js").Chosen} Chosen */
/** @typedef {"past" | "self" | "future" | null} Side  of the cone; null lies outside it */

/**
 * @typedef {object} Cone
 * @property {number} t
 * @property {number} layer
 * @property {(step: number, layer: number) => Side} state
 * @property {(step: number) => Side} input   x_step
 * @property {(step: number) => Side} output  y_step, and the loss there
 */

/** @param {Chosen} chosen @param {Experiment} experiment @returns {Cone} */
export function coneOf({ t, layer: chosen }, experiment) {
  const layer = chosen ?? experiment.cell.layers - 1;
  const { after } = experiment.generation;
  const isFedBack = (/** @type {number} */ step) => generates(experiment) && after !== null && step > after;
  if (experiment.cell.kind === "attention") {
    // A position reads all inputs up to its own, and no other position reads it.
    return { t, layer, state: (step) => (step === t ? "self" : null), input: (step) => (step <= t ? "past" : null), output: (step) => (step === t ? "future" : null) };
  }
  return {
    t, layer,
    state(step, of) {
      if (step === t && of === layer) return "self";
      if (step <= t && of <= layer) return "past";
      return step >= t && of >= layer ? "future" : null;
    },
    // What is fed back came out of a state before.
    input: (step) => (step <= t ? "past" : isFedBack(step) ? "future" : null),
    // An output that was fed back has gone into what came after it.
    output: (step) => (step >= t ? "future" : isFedBack(step + 1) ? "past" : null),
  };
}

/** Whether there are measured strengths of a cone: the map is of this Experiment, and of the top layer's states. @param {Influence | null} map @param {Experiment | undefined} of @param {Cone} cone */
export function hasStrengths(map, of, cone) {
  return map !== null && map.of === of && map.edges.length > 1 && cone.layer === map.of.cell.layers - 1
    && cone.t > (map.edges[0] ?? 0) && cone.t <= (map.edges.at(-1) ?? 0);
}

/** log10 ‖∂h_t/∂x_k‖ of two steps from 1, the largest where bins hold several; NaN outside the map. @param {Influence} map @param {number} t @param {number} k */
export function influenceAt({ edges, values }, t, k) {
  const [row, column] = [binOf(edges, t), binOf(edges, k)];
  if (row < 0 || column < 0 || k > t) return NaN;
  return values[row * (edges.length - 1) + column] ?? NaN;
}

/** The bin of a step, from 1; -1 outside all. @param {readonly number[]} edges @param {number} step */
function binOf(edges, step) {
  const [first = 0, last = 0] = [edges[0], edges.at(-1)];
  if (step <= first || step > last) return -1;
  let [low, high] = [0, edges.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((edges[middle] ?? 0) < step) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * How strongly the chosen state and a step act on one another, in decades: backwards of what the
 * strongest input does to it, forwards of what its own input does to it.
 * @param {Influence} map @param {number} t the chosen step @returns {(step: number) => number}
 */
export function strengthsOf(map, t) {
  const row = binOf(map.edges, t);
  const n = map.edges.length - 1;
  const known = Array.from({ length: row + 1 }, (_, k) => map.values[row * n + k] ?? -Infinity);
  const strongest = Math.max(...known);
  const own = influenceAt(map, t, t);
  return (step) => (step <= t ? influenceAt(map, t, step) - strongest : influenceAt(map, step, t) - own);
}
