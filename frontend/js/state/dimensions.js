/**
 * Every tensor of a run: its symbol, its shape in symbols and in numbers, how many numbers it holds
 * and how many bytes. Arithmetic of the sizes alone, so it moves with the hand.
 */
import { cellInfo } from "./cells.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./edits.js").MatrixName} MatrixName */

/**
 * @typedef {object} Row
 * @property {string} symbol   the chapter's, as HTML
 * @property {string} says     what it is, in plain words
 * @property {readonly (readonly [string, number])[]} axes  each with its symbol and its size
 * @property {number} copies   how many tensors of this shape
 * @property {readonly string[]} wires  their names in what the server sends, where it sends them
 * @property {MatrixName | null} matrix  where the panel of weights shows it
 * @property {boolean} isKept  every step of it is remembered for the way back
 * @property {number} count    numbers, of all copies
 *
 * @typedef {object} Group
 * @property {string} name
 * @property {string} remark
 * @property {string} sum     what all of it together is called
 * @property {readonly Row[]} rows
 * @property {number} count
 */

const BYTES = Object.freeze({ float32: 4, float64: 8 });

/** @param {{dtype: "float32" | "float64"}} experiment of one number */
export const bytesOf = ({ dtype }) => BYTES[dtype];

const W = (/** @type {string} */ name, layer = "") => `W<sub>${name}</sub>${layer && `<sup>(${layer})</sup>`}`;
const b = (/** @type {string} */ name, layer = "") => `b<sub>${name}</sub>${layer && `<sup>(${layer})</sup>`}`;

/** @param {Partial<Row> & Pick<Row, "symbol" | "says" | "axes">} row @returns {Row} */
function row({ copies = 1, wires = [], matrix = null, isKept = false, ...rest }) {
  return { copies, wires, matrix, isKept, ...rest, count: copies * rest.axes.reduce((product, [, size]) => product * size, 1) };
}

/** @param {string} name @param {string} remark @param {string} sum @param {readonly Row[]} rows @returns {Group} */
const group = (name, remark, sum, rows) => ({ name, remark, sum, rows, count: rows.reduce((sum, { count }) => sum + count, 0) });

/** @param {Experiment} experiment @returns {{parameters: Group, run: Group, gradients: Group, kept: number, count: number}} */
export function dimensionsOf(experiment) {
  const parameters = group("Parameters", "the same at every step and every T", "all parameters, P", parameterRows(experiment));
  const run = group("One run", `grows with T${experiment.batch_size > 1 ? " and B" : ""}`, "all of one run", runRows(experiment));
  const gradients = group("The way back", "gradients of the loss L", "all of the way back", gradientRows(experiment, parameters.count));
  const kept = run.rows.reduce((sum, { isKept, count }) => sum + (isKept ? count : 0), 0);
  return { parameters, run, gradients, kept, count: parameters.count + run.count + gradients.count };
}

/** A number of blocks times H. @param {number} blocks @param {number} H @returns {readonly [string, number]} */
const stacked = (blocks, H) => [blocks > 1 ? `${blocks}H` : "H", blocks * H];

/** @param {Experiment} experiment */
function parameterRows({ cell }) {
  const { kind, input_size: D, hidden_size: H, output_size: O, layers: L } = cell;
  const { blocks, biasBlocks } = cellInfo(cell);
  const isAttention = kind === "attention";
  const gates = blocks.length > 1 ? `, ${blocks.join(" ")} one below the other` : "";
  const inputRows = stacked(isAttention ? 1 : blocks.length, H);
  const rows = [
    row({ symbol: W("xh", L > 1 ? "1" : ""), says: `from the inputs${isAttention ? "" : gates}`, axes: [inputRows, ["D", D]], wires: ["W_xh"], matrix: "W_xh" }),
    row({ symbol: isAttention ? W("qkv") : W("hh", L > 1 ? "1" : ""), says: isAttention ? `queries, keys and values${gates}` : `from the state before${gates}`, axes: [stacked(blocks.length, H), ["H", H]], wires: [isAttention ? "W_qkv" : "W_hh"], matrix: "W_hh" }),
    row({ symbol: b("h", L > 1 ? "1" : ""), says: `bias of the state${biasBlocks.length > 1 ? `, ${biasBlocks.join(" ")}` : ""}`, axes: [stacked(biasBlocks.length, H)], wires: ["b_h"], matrix: "b_h" }),
  ];
  if (L > 1) {
    const layers = L > 2 ? `2…${L}` : "2";
    const of = L > 2 ? `, of each of the ${L - 1} layers above the first` : ", of the second layer";
    const wires = (/** @type {string} */ name) => Array.from({ length: L - 1 }, (_, k) => `${name}_l${k + 1}`);
    rows.push(
      row({ symbol: W("xh", layers), says: `from the states below${of}`, axes: [inputRows, ["H", H]], copies: L - 1, wires: wires("W_xh") }),
      row({ symbol: W("hh", layers), says: `from the state before${of}`, axes: [stacked(blocks.length, H), ["H", H]], copies: L - 1, wires: wires("W_hh") }),
      row({ symbol: b("h", layers), says: `bias of the state${of}`, axes: [stacked(biasBlocks.length, H)], copies: L - 1, wires: wires("b_h") }),
    );
  }
  rows.push(
    row({ symbol: W("hy"), says: "from the state to the outputs", axes: [["O", O], ["H", H]], wires: ["W_hy"], matrix: "W_hy" }),
    row({ symbol: b("y"), says: "bias of the outputs", axes: [["O", O]], wires: ["b_y"], matrix: "b_y" }),
  );
  return rows;
}

/** @param {Experiment} experiment */
function runRows({ cell, output, steps: T, batch_size: B }) {
  const { kind, input_size: D, hidden_size: H, output_size: O, layers: L } = cell;
  /** @type {readonly (readonly [string, number])[]} */
  const batch = B > 1 ? [["B", B]] : [];
  const all = [...batch, /** @type {const} */ (["T", T])];
  const isAttention = kind === "attention";
  const below = Array.from({ length: L - 1 }, (_, k) => `h_l${k}`);
  const rows = [row({ symbol: "x", says: "the inputs of every step", axes: [...all, ["D", D]], wires: ["x"], isKept: true })];
  if (!isAttention) {
    const starts = Array.from({ length: L }, (_, k) => (k ? `h_0_l${k}` : "h_0"));
    rows.push(row({ symbol: "h<sub>0</sub>", says: `the state to begin with${L > 1 ? ", of each layer" : ""}`, axes: [...batch, ["H", H]], copies: L, wires: starts, isKept: true }));
  } else {
    rows.push(row({ symbol: "q, k, v", says: "queries, keys and values of every step; the weights of all pairs are made block by block and not kept", axes: [...all, ["H", H]], copies: 3, isKept: true }));
  }
  rows.push(row({ symbol: "h", says: `the ${isAttention ? "outputs of attention, in the place of the states" : `states of every step${L > 1 ? ", of each layer" : ""}`}`, axes: [...all, ["H", H]], copies: L, wires: [...below, "h"], isKept: true }));
  const { layers: parts } = cellInfo(cell);
  if (parts.length) rows.push(row({ symbol: parts.join(", "), says: `gates${parts.includes("c") ? " and cell states" : ""} of every step${L > 1 ? ", of each layer" : ""}`, axes: [...all, ["H", H]], copies: parts.length * L, wires: parts, isKept: true }));
  rows.push(row({ symbol: "y", says: "the outputs of every step", axes: [...all, ["O", O]], wires: ["y"] }));
  if (output.kind === "classes") rows.push(row({ symbol: "p", says: "softmax of the outputs", axes: [...all, ["O", O]], wires: ["p"] }));
  return rows;
}

/** @param {Experiment} experiment @param {number} parameters how many there are */
function gradientRows({ cell, steps: T, batch_size: B }, parameters) {
  const { kind, hidden_size: H, layers: L } = cell;
  /** @type {readonly (readonly [string, number])[]} */
  const batch = B > 1 ? [["B", B]] : [];
  const of = (/** @type {string} */ name) => `∂L/∂${name}`;
  const flowing = kind === "attention"
    ? row({ symbol: of("e<sub>t</sub>"), says: "of every embedded input: attention reaches all of them from every later step", axes: [...batch, ["T", T], ["H", H]] })
    : row({ symbol: kind === "lstm" ? `${of("h<sub>t</sub>")}, ${of("c<sub>t</sub>")}` : of("h<sub>t</sub>"), says: `carried from t = T down to 1, one step at a time${L > 1 ? ", in each layer" : ""}`, axes: [...batch, ["H", H]], copies: (kind === "lstm" ? 2 : 1) * L });
  return [flowing, row({ symbol: `${of("W")}, ${of("b")}`, says: "of every parameter, each of the shape of its own: the sum of all steps' shares", axes: [["P", parameters]] })];
}
