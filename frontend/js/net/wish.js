/** Which part of a run the page asks for: no more columns than it can show, no tensor that nothing shows. */

import { cellInfo, layersOf } from "../state/cells.js";
import { generates } from "../state/forms.js";

/** @typedef {import("./run.js").Window} Window */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {NonNullable<import("./wire.js").Run["omit"]>[number]} Omissible */

/** At rest a run this short is wanted whole, whatever the width: zooming then needs no answer. */
const WHOLE_STEPS = 1000;
/** Units × columns that follow a hand without delay; the columns are refined once it rests. */
const MOVING_CELLS = 80_000;

/** So many sequences of a batch cost a moving hand nothing that is felt. */
const FEW_SEQUENCES = 8;

/**
 * While a hand moves something no more is asked for than the panels have pixels, of all runs together.
 * @param {Experiment} experiment @param {readonly [number, number] | null} span @param {number} width_px of the time axis
 * @param {boolean} isMoving @param {number} [runs] that are shown side by side
 * @returns {Window}
 */
export function windowFor({ steps, cell, batch_size: B }, span, width_px, isMoving, runs = 1) {
  if (steps <= WHOLE_STEPS && !isMoving) return { t0: 0, t1: steps, columns: steps };
  const [t0, t1] = span ?? [0, steps];
  // Rounded, so that a page resized by a hair asks for the same thing.
  const [cells, least] = B > FEW_SEQUENCES ? [(MOVING_CELLS * FEW_SEQUENCES) / B, 50] : [MOVING_CELLS, 200];
  const most = isMoving ? Math.min(2000, Math.round(cells / (runs * cell.hidden_size))) : 2000;
  const columns = Math.max(isMoving ? least : 200, Math.min(most, 100 * Math.ceil(width_px / 100)));
  return { t0, t1, columns: Math.min(columns, t1 - t0) };
}

/** @type {readonly Omissible[]} */
const NEVER_SHOWN = Object.freeze(["log10_grad_W_xh", "cotangent"]);
/** More classes than that have no bars; their map is on its own. */
export const MOST_BARS = 512;
/** @type {readonly Omissible[]} */
const OTHER_WEIGHTS = Object.freeze(["W_xh", "b_h", "W_hy", "b_y"]);
/** @type {readonly Omissible[]} */
const OF_THE_ARITHMETIC = Object.freeze(["W_xh", "b_h", "x", "h_0"]);
/** What goes into the unrolled network, and c beside h. @type {readonly Omissible[]} */
const OF_THE_UNROLLED = Object.freeze(["x", "h_0", "c"]);

/**
 * The tensors that are not to be sent.
 * @param {Experiment} experiment
 * @param {{matrix: import("../state/edits.js").MatrixName, layer: string, top?: string}} view  what is shown
 * @returns {readonly Omissible[]}
 */
export function unshown(experiment, { matrix, layer, top }) {
  const { cell } = experiment;
  const isUnrolled = top === "unrolled" && cell.input_size <= MOST_BARS;
  const shown = new Set([matrix, layer, ...(isUnrolled ? OF_THE_UNROLLED : []), ...(hasArithmetic(cell) ? OF_THE_ARITHMETIC : []), ...(hasBars(experiment) ? ["p"] : []), ...(hasBars(experiment) && generates(experiment) ? ["x"] : [])]);
  const layers = layersOf(experiment).filter((name) => name !== "h");
  return [...NEVER_SHOWN, ...OTHER_WEIGHTS, .../** @type {const} */ (["x", "h_0"]), ...layers].filter((name) => !shown.has(name));
}

/** The same of a run that is only compared: nothing is shown of its weights, and no frame of it may take the place of one that stands. @type {readonly Omissible[]} */
const NEVER_COMPARED = Object.freeze(["W_hh", "eigenvalues", "singular_values", "x", "h_0", "token_index", ...OTHER_WEIGHTS, ...NEVER_SHOWN]);

/** @param {Experiment} experiment @param {string} layer @returns {readonly Omissible[]} */
export function uncompared(experiment, layer) {
  const layers = layersOf(experiment).filter((name) => name !== "h");
  return [...new Set([...NEVER_COMPARED, ...layers])].filter((name) => name !== layer);
}

/** Whether the distribution at the cursor is shown. @param {Experiment} experiment */
export const hasBars = ({ cell, output }) => output.kind === "classes" && cell.output_size <= MOST_BARS;

/** Whether every term of a unit's sum fits on the screen, and is of the weights that are. @param {{kind: string, hidden_size: number, input_size: number, layers: number}} cell */
export const hasArithmetic = (cell) => cell.kind === "elman" && cell.layers === 1 && cell.hidden_size <= 8 && cell.input_size <= 8 && cell.kind === "elman";
