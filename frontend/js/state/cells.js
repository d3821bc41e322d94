/** The cells: their gates, which are blocks of H rows in the weights, and what beside h a step holds. */

/** @typedef {"r" | "z" | "n" | "i" | "f" | "g" | "o" | "c"} Gate  or the cell state c */
/** @typedef {"h" | Gate | "y" | "p"} Layer  what of every step can be looked at */

/**
 * @typedef {object} CellInfo
 * @property {string} name
 * @property {readonly string[]} blocks      of W_xh and W_hh, from the top
 * @property {readonly string[]} biasBlocks  of b_h
 * @property {string} candidate              the block whose spectrum is shown, as an index of W
 * @property {readonly Gate[]} layers        what can be looked at beside h
 * @property {string | null} keep            the gate that keeps, whose bias is set apart
 */

/** @type {Readonly<Record<string, CellInfo>>} */
const CELLS = Object.freeze({
  elman: { name: "Elman", blocks: ["h"], biasBlocks: ["h"], candidate: "hh", layers: [], keep: null },
  gru: { name: "GRU", blocks: ["r", "z", "n"], biasBlocks: ["r", "z", "n", "hn"], candidate: "hn", layers: ["r", "z", "n"], keep: "z" },
  lstm: { name: "LSTM", blocks: ["i", "f", "g", "o"], biasBlocks: ["i", "f", "g", "o"], candidate: "hg", layers: ["c", "i", "f", "g", "o"], keep: "f" },
  attention: { name: "Attention", blocks: ["q", "k", "v"], biasBlocks: ["h"], candidate: "v", layers: [], keep: null },
});

/** Plain names, for people. @type {Readonly<Record<Layer, string>>} */
export const LAYER_NAMES = Object.freeze({
  h: "state h", c: "cell state c", i: "input gate i", f: "forget gate f", g: "candidate g", o: "output gate o",
  r: "reset gate r", z: "update gate z", n: "candidate n",
  y: "outputs y", p: "p of the next x",
});

/** @param {{kind: string}} cell @returns {CellInfo} */
export const cellInfo = ({ kind }) => /** @type {CellInfo} */ (CELLS[kind] ?? CELLS.elman);

/** @param {{kind: string}} cell */
export const hasGates = (cell) => cellInfo(cell).layers.length > 0;

/** Whether no state can be larger than 1. @param {{kind: string, activation: string}} cell */
export const isBounded = (cell) => hasGates(cell) || (cell.kind === "elman" && cell.activation === "tanh");

/** Every layer beside h, whatever the cell. */
export const ALL_LAYERS = /** @type {readonly Exclude<Layer, "h">[]} */ (Object.freeze(["c", "i", "f", "g", "o", "r", "z", "n", "y", "p"]));

/** What of every step of an experiment can be looked at. @param {import("./experiment.js").Experiment} experiment @returns {readonly Layer[]} */
export const layersOf = ({ cell, output }) => ["h", ...cellInfo(cell).layers, "y", ...(output.kind === "classes" ? /** @type {const} */ (["p"]) : [])];
