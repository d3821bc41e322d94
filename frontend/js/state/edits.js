/**
 * The matrix is its history: operations on a drawn or loaded matrix, in order. Pure functions from
 * list to list, and the words for each operation.
 */
import { plain } from "../render/format.js";
import { cellInfo } from "./cells.js";
import { isSame, valueAt, withFields } from "./experiment.js";

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
const DRAW = Object.freeze(["cell.kind", "cell.hidden_size", "recurrent.ensemble", "recurrent.seed", "weights.file", "weights.layer"]);
/** Two places of an eigenvalue this close are one. */
const SAME_PLACE = 1e-6;

/** @param {Experiment} experiment @param {MatrixName} name @returns {readonly Edit[]} */
export const editsOf = (experiment, name) => /** @type {readonly Edit[]} */ (valueAt(experiment, MATRICES[name].path));

/** Rows and columns; a vector is a column. @param {Experiment} experiment @param {MatrixName} name @returns {[number, number]} */
export function sizeOf(experiment, name) {
  const { rows, columns } = MATRICES[name];
  return [blocksOf(experiment, name).length * Number(valueAt(experiment, rows)), columns === null ? 1 : Number(valueAt(experiment, columns))];
}

/** The gates that stand one below the other in a matrix. @param {Experiment} experiment @param {MatrixName} name @returns {readonly string[]} */
export function blocksOf({ cell }, name) {
  const { blocks, biasBlocks } = cellInfo(cell);
  return name === "b_h" ? biasBlocks : name === "W_hh" || name === "W_xh" ? blocks : ["y"];
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
 * An operation that the server refused: the matrix, and its operations up to and with that one.
 * @typedef {{name: MatrixName, edits: readonly Edit[]}} Refusal
 */

/**
 * Which operation was refused: the one that the server names or, where it speaks of the matrix as
 * a whole, the last one, provided that operations on this matrix are all that is new.
 * @param {{code: string, field: string | null}} error  field such as recurrent.edits.3.to
 * @param {Experiment} refused @param {Experiment | null} painted the last whole picture's
 * @returns {Refusal | null} null where it is no operation that was refused
 */
export function refusalOf({ code, field }, refused, painted) {
  const found = /^(\w+\.edits)\.(\d+)/.exec(field ?? "");
  const name = found ? MATRIX_NAMES.find((each) => MATRICES[each].path === found[1]) : code === "invalid_field" && painted ? onlyEdited(refused, painted) : null;
  if (!name) return null;
  const edits = editsOf(refused, name);
  const count = found ? Number(found[2]) + 1 : edits.length;
  return count >= 1 && count <= edits.length ? { name, edits: edits.slice(0, count) } : null;
}

/** The matrix whose operations are all that differs between two Experiments. @param {Experiment} a @param {Experiment} b */
function onlyEdited(a, b) {
  const differing = MATRIX_NAMES.filter((name) => !isSameList(editsOf(a, name), editsOf(b, name)));
  const [name] = differing;
  return name && differing.length === 1 && isSame(withFields(a, { [MATRICES[name].path]: editsOf(b, name) }), b) ? name : null;
}

/** Whether an Experiment has the refused operation. @param {Experiment} experiment @param {Refusal} refusal */
export function holdsRefused(experiment, { name, edits }) {
  return isSameList(editsOf(experiment, name).slice(0, edits.length), edits);
}

/**
 * What an Experiment has in the place of the refused operation, after the same ones before it.
 * @param {Experiment} experiment @param {Refusal} refusal @returns {Edit | null}
 */
export function inItsPlace(experiment, { name, edits }) {
  const k = edits.length - 1;
  const own = editsOf(experiment, name);
  return isSameList(own.slice(0, k), edits.slice(0, k)) ? (own[k] ?? null) : null;
}

/** An Experiment with another operation, or none, in the place of the refused one. @param {Experiment} experiment @param {Refusal} refusal @param {Edit | null} instead */
export function withInstead(experiment, { name, edits }, instead) {
  const k = edits.length - 1;
  const own = editsOf(experiment, name);
  return withFields(experiment, { [MATRICES[name].path]: [...own.slice(0, k), ...(instead ? [instead] : []), ...own.slice(k + 1)] });
}

/** Whether an operation is on the same thing as the refused one: a place in the same drag. @param {Edit} edit @param {Refusal} refusal */
export function isOfSameThing(edit, { edits }) {
  const thing = (/** @type {Record<string, unknown> | undefined} */ each) => JSON.stringify([each?.op, each?.i, each?.j, each?.at, each?.rows, each?.columns]);
  return thing(edit) === thing(edits.at(-1));
}

/** @param {readonly Edit[]} a @param {readonly Edit[]} b */
const isSameList = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

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
      return `non-normality × ${plain(edit.alpha, 3)}`;
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
