/**
 * The matrix is its history: operations on a drawn or loaded matrix, in order. Pure functions from
 * list to list, and the words for each operation.
 */
import { plain } from "../render/format.js";
import { valueAt, withFields } from "./experiment.js";

/** @typedef {import("./experiment.js").Edit} Edit */
/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {"W_hh" | "W_xh" | "b_h" | "W_hy" | "b_y"} MatrixName */

/**
 * @typedef {object} MatrixInfo
 * @property {string} path     where its operations are in the Experiment
 * @property {string} html     its symbol
 * @property {string} word     what it does
 * @property {string} rows     field with the number of its rows
 * @property {string | null} columns  of its columns; null for a vector
 */

/** @type {Readonly<Record<MatrixName, MatrixInfo>>} */
export const MATRICES = Object.freeze({
  W_hh: { path: "recurrent.edits", html: "W<sub>hh</sub>", word: "recurrent weights", rows: "cell.hidden_size", columns: "cell.hidden_size" },
  W_xh: { path: "input_weights.edits", html: "W<sub>xh</sub>", word: "input weights", rows: "cell.hidden_size", columns: "cell.input_size" },
  b_h: { path: "bias.edits", html: "b<sub>h</sub>", word: "bias", rows: "cell.hidden_size", columns: null },
  W_hy: { path: "readout.edits", html: "W<sub>hy</sub>", word: "readout weights", rows: "cell.output_size", columns: "cell.hidden_size" },
  b_y: { path: "output_bias.edits", html: "b<sub>y</sub>", word: "output bias", rows: "cell.output_size", columns: null },
});

export const MATRIX_NAMES = /** @type {readonly MatrixName[]} */ (Object.freeze(Object.keys(MATRICES)));

/** What makes W_hh another matrix altogether. */
const DRAW = Object.freeze(["cell.hidden_size", "recurrent.ensemble", "recurrent.seed", "weights.file", "weights.layer"]);
/** Two places of an eigenvalue this close are one. */
const SAME_PLACE = 1e-6;

/** @param {Experiment} experiment @param {MatrixName} name @returns {readonly Edit[]} */
export const editsOf = (experiment, name) => /** @type {readonly Edit[]} */ (valueAt(experiment, MATRICES[name].path));

/** Rows and columns; a vector is a column. @param {Experiment} experiment @param {MatrixName} name @returns {[number, number]} */
export function sizeOf(experiment, name) {
  const { rows, columns } = MATRICES[name];
  return [Number(valueAt(experiment, rows)), columns === null ? 1 : Number(valueAt(experiment, columns))];
}

/** @param {Experiment} experiment */
export const countEdits = (experiment) => MATRIX_NAMES.reduce((count, name) => count + editsOf(experiment, name).length, 0);

/**
 * The list with one more operation. One of the same kind on the same thing as the last takes its place.
 * @param {readonly Edit[]} edits @param {Edit} edit @returns {readonly Edit[]}
 */
export function withEdit(edits, edit) {
  const last = edits.at(-1);
  const merged = last && mergedEdit(last, edit);
  return merged ? [...edits.slice(0, -1), merged] : [...edits, edit];
}

/** @param {Edit} last @param {Edit} next @returns {Edit | null} */
function mergedEdit(last, next) {
  if (last.op === "set" && next.op === "set") return last.i === next.i && last.j === next.j ? next : null;
  if (last.op === "radius" && next.op === "radius") return next;
  if (last.op === "zero" && next.op === "zero") return JSON.stringify(last) === JSON.stringify(next) ? next : null;
  if (last.op === "eigenvalue" && next.op === "eigenvalue") return mergedMove(last, next);
  return last.op === "normality" && next.op === "normality" ? next : null;
}

/**
 * A second move of what the first has moved, where both keep it a pair, or both a real one.
 * @param {import("./experiment.js").EigenvalueEdit} last @param {import("./experiment.js").EigenvalueEdit} next
 */
function mergedMove(last, next) {
  const isSamePlace = Math.hypot(last.to[0] - next.at[0], Math.abs(last.to[1]) - Math.abs(next.at[1])) <= SAME_PLACE * Math.max(1, Math.hypot(...last.to));
  const kinds = new Set([last.at, last.to, next.at, next.to].map(([, im]) => im === 0));
  if (!isSamePlace || kinds.size > 1 || (last.keep ?? "eigenvectors") !== (next.keep ?? "eigenvectors")) return null;
  return { ...next, at: last.at };
}

/** α of the normality slider: what the last operation says, which the next one replaces. @param {readonly Edit[]} edits */
export function alphaOf(edits) {
  const last = edits.at(-1);
  return last?.op === "normality" ? last.alpha : 1;
}

/**
 * The operations that still make sense on another draw of this size: an eigenvalue is one of its own matrix.
 * @param {readonly Edit[]} edits @param {number} rows @param {number} columns @param {boolean} isSameDraw
 */
export function fittingEdits(edits, rows, columns, isSameDraw) {
  return edits.filter((edit) => {
    if (edit.op === "set") return edit.i < rows && (edit.j ?? 0) < columns;
    if (edit.op === "zero") return (edit.rows?.[1] ?? 0) <= rows && (edit.columns?.[1] ?? 0) <= columns;
    return isSameDraw || edit.op !== "eigenvalue";
  });
}

/**
 * What else must change so that all operations fit an Experiment.
 * @param {Experiment} before @param {Experiment} after @returns {Record<string, readonly Edit[]>}
 */
export function editsThatMustGo(before, after) {
  const isSameDraw = DRAW.every((path) => valueAt(before, path) === valueAt(after, path));
  /** @type {Record<string, readonly Edit[]>} */
  const changes = {};
  for (const name of MATRIX_NAMES) {
    const edits = editsOf(after, name);
    const left = fittingEdits(edits, ...sizeOf(after, name), isSameDraw);
    if (left.length < edits.length) changes[MATRICES[name].path] = left;
  }
  return changes;
}

/**
 * What stands where the server refused an operation: the one that was painted in its place, as in a
 * drag, or none. Null where what was refused is no operation of the present list.
 * @param {string | null} field as the server names it, such as recurrent.edits.3.to
 * @param {Experiment} current @param {Experiment} refused @param {Experiment | null} painted the last whole picture's
 * @returns {{op: Edit["op"], standing: Experiment} | null}
 */
export function withoutRefused(field, current, refused, painted) {
  const found = /^(\w+\.edits)\.(\d+)/.exec(field ?? "");
  if (!found) return null;
  const [, path = "", position] = found;
  const k = Number(position);
  const listOf = (/** @type {Experiment} */ experiment) => /** @type {readonly Edit[]} */ (valueAt(experiment, path) ?? []);
  const [edits, wrong] = [listOf(current), listOf(refused)[k]];
  if (!wrong || JSON.stringify(edits.slice(0, k + 1)) !== JSON.stringify(listOf(refused).slice(0, k + 1))) return null;
  const shown = painted ? listOf(painted) : [];
  const isSibling = shown.length > k && JSON.stringify(shown.slice(0, k)) === JSON.stringify(edits.slice(0, k)) && shown[k]?.op === wrong.op;
  const standing = withFields(current, { [path]: [...edits.slice(0, k), ...(isSibling && shown[k] ? [shown[k]] : []), ...edits.slice(k + 1)] });
  return { op: wrong.op, standing };
}

/** One line for people. @param {MatrixName} name @param {Edit} edit */
export function wordsOf(name, edit) {
  switch (edit.op) {
    case "set":
      return `${name}[${edit.i + 1}${edit.j === undefined ? "" : `, ${edit.j + 1}`}] → ${plain(edit.value, 4)}`;
    case "zero":
      return `${name}[${interval(edit.rows)}${MATRICES[name].columns === null ? "" : `, ${interval(edit.columns)}`}] → 0`;
    case "eigenvalue":
      return `λ ${placeWords(edit.at)} → ${edit.half_gap ? `${plain(edit.to[0] - edit.half_gap, 3)} and ${plain(edit.to[0] + edit.half_gap, 3)}` : placeWords(edit.to)}`;
    case "normality":
      return `departure from normality × ${plain(edit.alpha, 3)}`;
    case "radius":
      return `ρ → ${plain(edit.spectral_radius, 4)}`;
  }
}

/** @param {readonly [number, number]} place */
function placeWords([re, im]) {
  return im === 0 ? plain(re, 3) : `${plain(re, 3)} ± ${plain(Math.abs(im), 3)} i`;
}

/** @param {[number, number] | null | undefined} range */
function interval(range) {
  if (!range) return ":";
  return range[1] === range[0] + 1 ? String(range[1]) : `${range[0] + 1}…${range[1]}`;
}
