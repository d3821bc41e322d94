/**
 * The Experiment as the page holds it: one frozen object with every default filled in.
 * Nothing here knows the DOM or the socket.
 */
import { FIELDS, FIELD_AT, problemWith } from "./fields.js";

/** @typedef {import("../net/wire.js").Experiment} WireExperiment */
/**
 * One operation on a matrix; a vector's set has no j, its zero no columns.
 * @typedef {{op: "set", i: number, j?: number, value: number}} SetEdit
 * @typedef {{op: "zero", rows?: [number, number] | null, columns?: [number, number] | null}} ZeroEdit
 * @typedef {{op: "eigenvalue", at: [number, number], to: [number, number], half_gap?: number, keep?: "eigenvectors" | "schur_vectors"}} EigenvalueEdit
 * @typedef {{op: "normality", alpha: number}} NormalityEdit
 * @typedef {{op: "radius", spectral_radius: number}} RadiusEdit
 * @typedef {SetEdit | ZeroEdit | EigenvalueEdit | NormalityEdit | RadiusEdit} Edit
 */

/**
 * @typedef {object} Experiment
 * @property {number} version
 * @property {{kind: string, activation: "tanh"|"relu"|"linear", input_size: number, hidden_size: number, output_size: number, layers: number}} cell
 * @property {{ensemble: string, seed: number, spectral_radius: number|null, gain: number|null, edits: readonly Edit[]}} recurrent
 * @property {{file: string|null, layer: number}} weights
 * @property {{scale: number, seed: number, edits: readonly Edit[]}} input_weights
 * @property {{scale: number, seed: number, forget: number, edits: readonly Edit[]}} bias
 * @property {{scale: number, seed: number, edits: readonly Edit[]}} readout
 * @property {{edits: readonly Edit[]}} output_bias
 * @property {{kind: "values"|"classes", temperature: number}} output
 * @property {{after: number|null, seed: number}} generation
 * @property {{kind: string, amplitude: number, seed: number, period: number, values: unknown, file: string|null, text: string, tokens: "word"|"character", embedding: "one_hot"|"random"}} input
 * @property {{kind: string, seed: number, scale: number, values: unknown}} initial_state
 * @property {{at: "last"|"every", kind: string, target: unknown}} loss
 * @property {number} steps
 * @property {number} batch_size
 * @property {"float32"|"float64"} dtype
 */

/** @param {unknown} root @param {string} path @returns {unknown} */
export function valueAt(root, path) {
  let node = root;
  for (const key of path.split(".")) {
    if (typeof node !== "object" || node === null) return undefined;
    node = /** @type {Record<string, unknown>} */ (node)[key];
  }
  return node;
}

/** @param {Record<string, any>} root @param {string} path @param {unknown} value */
function put(root, path, value) {
  const keys = path.split(".");
  const last = /** @type {string} */ (keys.pop());
  let node = root;
  for (const key of keys) node = node[key] ??= {};
  node[last] = value;
}

/** @template T @param {T} node @returns {T} */
function deepFreeze(node) {
  if (typeof node === "object" && node !== null && !Object.isFrozen(node)) {
    Object.freeze(node);
    for (const child of Object.values(node)) deepFreeze(child);
  }
  return node;
}

/**
 * A new Experiment: `base` with the given fields replaced. Values are not judged here.
 * @param {Experiment} base
 * @param {Record<string, unknown>} changes  dotted path → value
 * @returns {Experiment}
 */
export function withFields(base, changes) {
  /** @type {Record<string, any>} */
  const next = {};
  for (const { path } of FIELDS) put(next, path, path in changes ? changes[path] : valueAt(base, path));
  return /** @type {Experiment} */ (deepFreeze(next));
}

/** The document `{}` with its defaults written out. */
export const DEFAULT_EXPERIMENT = withFields(
  /** @type {any} */ ({}),
  Object.fromEntries(FIELDS.map((field) => [field.path, field.initial])),
);

/**
 * The fields that differ from `{}`. One that the present kinds don't have (the period of an
 * impulse) is remembered by the page for the day its kind comes back, and is no part of the document.
 * @param {Experiment} experiment
 */
export function differingFields(experiment) {
  return FIELDS.filter(({ path, initial, only }) => {
    if (only && !only[1].includes(String(valueAt(experiment, only[0])))) return false;
    return JSON.stringify(valueAt(experiment, path)) !== JSON.stringify(initial);
  });
}

/**
 * What differs from `{}`, as the small document that a link carries and the server reads.
 * @param {Experiment} experiment
 * @returns {WireExperiment}
 */
export function difference(experiment) {
  /** @type {Record<string, any>} */
  const patch = {};
  for (const { path } of differingFields(experiment)) put(patch, path, valueAt(experiment, path));
  return /** @type {WireExperiment} */ (patch);
}

/**
 * Reads a foreign document: every known field with a fit value is taken, all else is named.
 * @param {unknown} document
 * @returns {{experiment: Experiment, problems: string[]}}
 */
export function readDocument(document) {
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    return { experiment: DEFAULT_EXPERIMENT, problems: ["The link holds no experiment: expected a JSON object."] };
  }
  /** @type {Record<string, unknown>} */
  const changes = {};
  /** @type {string[]} */
  const problems = [];
  for (const [path, value] of leaves(document, "", 0)) {
    const field = FIELD_AT.get(path);
    const problem = field ? problemWith(field, value) : `This version knows no field “${path.slice(0, 60)}”; it was left out.`;
    if (problem) problems.push(problem);
    else changes[path] = field?.type === "edits" ? /** @type {object[]} */ (value).map(namedEdit) : value;
  }
  if (typeof changes["recurrent.gain"] === "number" && typeof changes["recurrent.spectral_radius"] === "number") {
    problems.push("The link gives both a gain and a spectral radius; the spectral radius was taken.");
    delete changes["recurrent.gain"];
  }
  return { experiment: withFields(DEFAULT_EXPERIMENT, changes), problems };
}

/** An operation with its name: one without is a set. @param {object} edit */
const namedEdit = (edit) => ({ op: "set", ...edit });

/**
 * The document's leaves as dotted paths; a known path or depth two ends the descent.
 * @param {object} node @param {string} prefix @param {number} depth
 * @returns {Array<[string, unknown]>}
 */
function leaves(node, prefix, depth) {
  return Object.entries(node).flatMap(([key, value]) => {
    const path = prefix + key;
    const isGroup = depth === 0 && !FIELD_AT.has(path) && typeof value === "object" && value !== null && !Array.isArray(value);
    return isGroup ? leaves(value, `${path}.`, depth + 1) : [/** @type {[string, unknown]} */ ([path, value])];
  });
}

/** @param {Experiment} a @param {Experiment} b */
export function isSame(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
