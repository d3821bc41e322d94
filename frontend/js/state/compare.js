/**
 * What a network is held against: other cells, or none at all, on the same input, seed and loss.
 * Each is an Experiment that follows from the present one.
 */
import { cellInfo } from "./cells.js";
import { MATRICES, MATRIX_NAMES } from "./edits.js";
import { withFields } from "./experiment.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {"elman" | "gru" | "lstm" | "feedforward" | "attention"} ComparedKind */

/** In the order of their buttons. @type {readonly ComparedKind[]} */
export const COMPARED_KINDS = Object.freeze(["elman", "gru", "lstm", "feedforward", "attention"]);

/** @type {Readonly<Partial<Record<string, {name: string, remark: string}>>>} */
const OWN_WORDS = Object.freeze({
  feedforward: { name: "feedforward", remark: "W_hh = 0" },
  attention: { name: "attention", remark: "not recurrent" },
});

/** @param {string} kind of a cell, or of what is compared @returns {string} */
export const nameOf = (kind) => OWN_WORDS[kind]?.name ?? cellInfo({ kind }).name;

/** The name, and what there is to be said of it in two words. @param {string} kind */
export function longNameOf(kind) {
  const remark = OWN_WORDS[kind]?.remark;
  return remark ? `${nameOf(kind)} (${remark})` : nameOf(kind);
}

/**
 * The kinds that can stand beside a cell, each once; the cell is never held against itself.
 * @param {readonly string[]} kinds foreign words @param {{kind: string}} cell
 * @returns {readonly ComparedKind[]}
 */
export function fittingKinds(kinds, cell) {
  const known = kinds.filter((kind) => kind !== cell.kind && COMPARED_KINDS.some((each) => each === kind));
  return /** @type {ComparedKind[]} */ ([...new Set(known)]);
}

/**
 * The same document with another cell. What was done to the one matrix by hand, or came with a file,
 * has no place in another; the radius that it was given last has.
 * @param {Experiment} experiment @param {ComparedKind} kind @returns {Experiment}
 */
export function comparedExperiment(experiment, kind) {
  const last = experiment.recurrent.edits.at(-1);
  const isFeedforward = kind === "feedforward";
  return withFields(experiment, {
    ...Object.fromEntries(MATRIX_NAMES.map((name) => [MATRICES[name].path, []])),
    "weights.file": null,
    "weights.layer": 0,
    "cell.kind": isFeedforward ? "elman" : kind,
    // Attention has one layer. It doesn't generate here, and what is fed back would be a memory.
    ...(kind === "attention" ? { "cell.layers": 1 } : {}),
    ...(kind === "attention" || isFeedforward ? { "generation.after": null } : {}),
    ...(last?.op === "radius" ? { "recurrent.spectral_radius": last.spectral_radius, "recurrent.gain": null } : {}),
    // No state is carried on: every h_t is made of x_t alone.
    ...(isFeedforward ? { "recurrent.spectral_radius": null, "recurrent.gain": 0 } : {}),
  });
}
