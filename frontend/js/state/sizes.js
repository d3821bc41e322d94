/** What a network costs: its parameters, its multiply–adds, and how far its first input is from the loss. */
import { cellInfo } from "./cells.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

/**
 * @typedef {object} Sizes
 * @property {number} parameters
 * @property {number} products     multiply–adds of one forward run of one sequence
 * @property {number | null} path  steps on the longest way from x_1 to the loss; null where there is no way
 */

/** Blocks of W_xh and W_hh. @param {string} kind */
const gatesOf = (kind) => cellInfo({ kind }).blocks.length;

/**
 * @param {string} kind of a cell, or "feedforward"
 * @param {Experiment} experiment its sizes, T and where its loss sits
 * @param {number} [layers] one on top of the other: from the second on, the inputs are the H units below; attention has one
 * @returns {Sizes}
 */
export function sizesOf(kind, { cell, steps: T, loss }, layers = kind === "attention" ? 1 : cell.layers) {
  const { input_size: D, hidden_size: H, output_size: O } = cell;
  let [parameters, products] = [O * H + O, T * O * H];
  for (let layer = 0; layer < layers; layer++) {
    const inputs = layer === 0 ? D : H;
    parameters += parametersOfLayer(kind, inputs, H);
    products += productsOfLayer(kind, inputs, H, T);
  }
  return { parameters, products, path: pathOf(kind, T, layers, loss.at) };
}

/** @param {string} kind @param {number} D @param {number} H */
function parametersOfLayer(kind, D, H) {
  const biases = cellInfo({ kind }).biasBlocks.length * H;
  if (kind === "feedforward") return H * D + biases;
  if (kind === "attention") return H * D + 3 * H * H + biases;
  return gatesOf(kind) * (H * D + H * H) + biases;
}

/** @param {string} kind @param {number} D @param {number} H @param {number} T */
function productsOfLayer(kind, D, H, T) {
  if (kind === "feedforward") return T * H * D;
  if (kind === "attention") return T * (H * D + 3 * H * H) + T * (T + 1) * H;
  return T * gatesOf(kind) * (H * D + H * H);
}

/** @param {string} kind @param {number} T @param {number} layers @param {"last" | "every"} at */
function pathOf(kind, T, layers, at) {
  // Without a state x_1 has its effect at t = 1 alone.
  if (kind === "feedforward") return T === 1 || at === "every" ? layers : null;
  return kind === "attention" ? layers : T + layers - 1;
}

/** The formulas, as text. @param {string} kind @param {number} [layers] */
export function formulasOf(kind, layers = 1) {
  const G = gatesOf(kind);
  const gates = G > 1 ? `${G}·` : "";
  const biases = cellInfo({ kind }).biasBlocks.length;
  const b = biases > 1 ? `${biases}H` : "H";
  const above = layers > 1 && kind !== "attention" ? "; in the layers above the first H stands for D" : "";
  if (kind === "feedforward") return { parameters: `HD + H + OH + O: W_hh is 0 and none of it counts${above}`, products: `T·HD + T·OH${above}`, path: "without a state x_t reaches h_t alone" };
  if (kind === "attention") return { parameters: "HD + H + 3H² + OH + O", products: "T(HD + 3H²) + T(T + 1)H + T·OH: every step looks at every earlier one", path: "1: every input is one look away" };
  return {
    parameters: `${gates}(HD + H²) + ${b} + OH + O${above}`, products: `T·${gates}(HD + H²) + T·OH${above}`,
    path: `T: from state to state, one step at a time${layers > 1 ? ", and up one layer after the other" : ""}`,
  };
}
