/**
 * The one table of the Experiment's fields: where each lives in the document, what it may hold,
 * its default, its name in a readable link and its name on the page. Links, controls and messages
 * are all driven by it, so a field is described once.
 *
 * `min`, `max` are what a control offers; the server has the last word (its limits come in `hello`).
 */

/** @typedef {"integer" | "number" | "choice" | "numbers" | "edits" | "hash" | "text"} FieldType */

/**
 * @typedef {object} Field
 * @property {string} path      dotted path in the Experiment
 * @property {FieldType} type
 * @property {unknown} initial  the document's default
 * @property {string} label     plain name, for people
 * @property {string} [symbol]  the chapter's symbol
 * @property {string} [short]   name in a readable link
 * @property {number} [min]
 * @property {number} [max]
 * @property {readonly string[]} [choices]
 * @property {boolean} [nullable]
 * @property {readonly string[]} [ops]  of edits: the operations this matrix knows
 * @property {readonly [string, readonly string[]]} [only]  exists only where another field has one of these values
 */

/** As the server's: the largest whole number that JSON carries exactly to every reader. */
const LARGEST_SEED = Number.MAX_SAFE_INTEGER;

/** @type {readonly unknown[]} */
const NO_EDITS = Object.freeze([]);

/** @type {readonly Field[]} */
export const FIELDS = Object.freeze([
  { path: "version", type: "integer", initial: 1, label: "document version", min: 1, max: 1 },

  { path: "cell.kind", type: "choice", initial: "elman", label: "cell", choices: ["elman", "gru", "lstm", "attention"], short: "cell" },
  { path: "cell.activation", type: "choice", initial: "tanh", label: "activation", symbol: "φ", choices: ["tanh", "relu", "linear"], short: "phi" },
  { path: "cell.input_size", type: "integer", initial: 1, label: "input size", symbol: "D", min: 1, max: 16384, short: "D" },
  { path: "cell.hidden_size", type: "integer", initial: 64, label: "hidden units", symbol: "H", min: 1, max: 1024, short: "H" },
  { path: "cell.output_size", type: "integer", initial: 1, label: "output size", symbol: "O", min: 1, max: 16384, short: "O" },
  { path: "cell.layers", type: "integer", initial: 1, label: "layers", min: 1, max: 16, short: "layers" },

  { path: "weights.file", type: "hash", initial: null, nullable: true, label: "file of the weights" },
  { path: "weights.layer", type: "integer", initial: 0, label: "layer of the file", min: 0, max: 9999 },

  { path: "recurrent.ensemble", type: "choice", initial: "gaussian", label: "ensemble of W_hh", short: "ensemble",
    choices: ["gaussian", "orthogonal", "identity", "rotation", "antisymmetric", "symmetric", "sparse", "delay_line", "ring"] },
  { path: "recurrent.seed", type: "integer", initial: 0, label: "seed of W_hh", min: 0, max: LARGEST_SEED, short: "seed" },
  { path: "recurrent.spectral_radius", type: "number", initial: null, nullable: true, label: "spectral radius", symbol: "ρ", min: 0, max: 1e6, short: "rho" },
  { path: "recurrent.gain", type: "number", initial: null, nullable: true, label: "gain", symbol: "g", min: 0, max: 1e6, short: "gain" },
  { path: "recurrent.edits", type: "edits", initial: NO_EDITS, label: "edits of W_hh", ops: ["set", "zero", "eigenvalue", "normality", "radius"] },

  { path: "input_weights.scale", type: "number", initial: 1, label: "scale of W_xh", min: 0, max: 1e6, short: "Wxh" },
  { path: "input_weights.seed", type: "integer", initial: 1, label: "seed of W_xh", min: 0, max: LARGEST_SEED },
  { path: "input_weights.edits", type: "edits", initial: NO_EDITS, label: "edits of W_xh", ops: ["set", "zero"] },
  { path: "bias.scale", type: "number", initial: 0, label: "scale of b_h", min: 0, max: 1e6, short: "bias" },
  { path: "bias.seed", type: "integer", initial: 3, label: "seed of b_h", min: 0, max: LARGEST_SEED },
  { path: "bias.forget", type: "number", initial: 0, label: "forget bias", symbol: "b_f", min: -1e6, max: 1e6, short: "forget" },
  { path: "bias.edits", type: "edits", initial: NO_EDITS, label: "edits of b_h", ops: ["set", "zero"] },
  { path: "readout.scale", type: "number", initial: 1, label: "scale of W_hy", min: 0, max: 1e6 },
  { path: "readout.seed", type: "integer", initial: 4, label: "seed of W_hy", min: 0, max: LARGEST_SEED },
  { path: "readout.edits", type: "edits", initial: NO_EDITS, label: "edits of W_hy", ops: ["set", "zero"] },
  { path: "output_bias.edits", type: "edits", initial: NO_EDITS, label: "edits of b_y", ops: ["set", "zero"] },

  { path: "output.kind", type: "choice", initial: "values", label: "outputs are", symbol: "y_t", choices: ["values", "classes"], short: "y" },
  { path: "output.temperature", type: "number", initial: 1, label: "temperature", symbol: "τ", min: 0, max: 1e30, short: "temperature" },
  { path: "generation.after", type: "integer", initial: null, nullable: true, label: "steps before it generates", min: 1, max: 1_000_000, short: "generate" },
  { path: "generation.seed", type: "integer", initial: 7, label: "seed of what is drawn", min: 0, max: LARGEST_SEED, short: "sample" },

  { path: "input.kind", type: "choice", initial: "impulse", label: "input", symbol: "x_t", short: "input",
    choices: ["impulse", "constant", "sine", "noise", "silence", "values", "file", "text"] },
  { path: "input.amplitude", type: "number", initial: 1, label: "amplitude", min: -1e30, max: 1e30, short: "amplitude" },
  { path: "input.seed", type: "integer", initial: 2, label: "seed of the input", min: 0, max: LARGEST_SEED },
  { path: "input.period", type: "number", initial: 20, label: "period in steps", only: ["input.kind", ["sine"]], min: 1e-3, max: 1e9, short: "period" },
  { path: "input.values", type: "numbers", initial: null, nullable: true, label: "input values [T, D]", only: ["input.kind", ["values"]] },
  { path: "input.file", type: "hash", initial: null, nullable: true, label: "file of the input", only: ["input.kind", ["file"]] },
  { path: "input.text", type: "text", initial: "The cat that chased the mouse was hungry.", label: "text", only: ["input.kind", ["text"]], short: "text" },
  { path: "input.tokens", type: "choice", initial: "word", label: "tokens", choices: ["word", "character"], only: ["input.kind", ["text"]], short: "tokens" },
  { path: "input.embedding", type: "choice", initial: "one_hot", label: "embedding", choices: ["one_hot", "random"], only: ["input.kind", ["text"]], short: "embedding" },

  { path: "initial_state.kind", type: "choice", initial: "zeros", label: "start", symbol: "h_0", short: "h0", choices: ["zeros", "random", "values"] },
  { path: "initial_state.seed", type: "integer", initial: 5, label: "seed of h_0", only: ["initial_state.kind", ["random"]], min: 0, max: LARGEST_SEED },
  { path: "initial_state.scale", type: "number", initial: 1, label: "scale of h_0", only: ["initial_state.kind", ["random"]], min: 0, max: 1e30, short: "h0scale" },
  { path: "initial_state.values", type: "numbers", initial: null, nullable: true, label: "values of h_0 [H]", only: ["initial_state.kind", ["values"]] },

  { path: "loss.at", type: "choice", initial: "last", label: "loss sits", choices: ["last", "every"], short: "at" },
  { path: "loss.kind", type: "choice", initial: "linear", label: "loss", symbol: "L", choices: ["linear", "mse", "cross_entropy"], short: "loss" },
  { path: "loss.target", type: "numbers", initial: null, nullable: true, label: "target of the loss", only: ["loss.kind", ["mse", "cross_entropy"]] },

  { path: "steps", type: "integer", initial: 200, label: "steps", symbol: "T", min: 1, max: 1_000_000, short: "T" },
  { path: "batch_size", type: "integer", initial: 1, label: "batch size", symbol: "B", min: 1, max: 1024, short: "B" },
  { path: "dtype", type: "choice", initial: "float32", label: "number format", choices: ["float32", "float64"], short: "dtype" },
]);

/** @type {ReadonlyMap<string, Field>} */
export const FIELD_AT = new Map(FIELDS.map((field) => [field.path, field]));

/** @type {ReadonlyMap<string, Field>} */
export const FIELD_NAMED = new Map(FIELDS.flatMap((field) => (field.short ? [[field.short, field]] : [])));

/** A number as links and fields have it; one way alone to read each text, or a long one would be tried in thousands. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** Half of a sign that takes two: no text on its own. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The number that a text is, NaN where it is none. @param {string} text */
export const numberIn = (text) => (NUMBER.test(text) ? Number(text) : NaN);

/** The same of what a hand types: with spaces around it, a true minus sign or a decimal comma. @param {string} text */
export const typedNumber = (text) => numberIn(text.trim().replace("−", "-").replace(",", "."));

/**
 * Why a value can't stand in a field, in the house's form, or null where it can.
 * @param {Field} field
 * @param {unknown} value
 * @returns {string | null}
 */
export function problemWith(field, value) {
  if (value === null && field.nullable) return null;
  const got = `${field.label}: got ${excerpt(value)}; `;
  switch (field.type) {
    case "choice":
      return typeof value === "string" && field.choices?.includes(value) ? null : `${got}expected one of ${field.choices?.join(", ")}.`;
    case "integer":
      return Number.isSafeInteger(value) && inRange(field, Number(value)) ? null : `${got}expected a whole number from ${field.min} to ${field.max}.`;
    case "number":
      return typeof value === "number" && Number.isFinite(value) && inRange(field, value)
        ? null
        : `${got}expected a number from ${field.min} to ${field.max}.`;
    case "numbers":
      return isNumber(value) || isNumbers(value, 3) ? null : `${got}expected an array of finite numbers.`;
    case "hash":
      return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? null : `${got}expected the 64 digits of a SHA-256.`;
    case "text":
      // Half a sign, which only a damaged link has, can't be sent.
      return typeof value === "string" && !LONE_SURROGATE.test(value) ? null : `${got}expected a text.`;
    case "edits":
      return Array.isArray(value) && value.every((edit) => isEdit(edit, field.ops ?? [])) ? null : `${got}expected a list of operations, ${field.ops?.join(", ")}.`;
  }
}

/** @param {Field} field @param {number} value */
function inRange(field, value) {
  return value >= (field.min ?? -Infinity) && value <= (field.max ?? Infinity);
}

/** @param {unknown} value @param {number} depth @returns {boolean} */
function isNumbers(value, depth) {
  if (!Array.isArray(value)) return false;
  return value.every((entry) => (typeof entry === "number" ? Number.isFinite(entry) : depth > 1 && isNumbers(entry, depth - 1)));
}

/** What an operation may hold beside its name; the server knows the rest. */
const isNumber = (/** @type {unknown} */ value) => typeof value === "number" && Number.isFinite(value);
const isIndex = (/** @type {unknown} */ value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isPair = (/** @type {(value: unknown) => boolean} */ isPart) => (/** @type {unknown} */ value) => Array.isArray(value) && value.length === 2 && value.every(isPart);
const isInterval = (/** @type {unknown} */ value) => value === null || isPair(isIndex)(value);

/** @type {Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>>} */
const PARTS = Object.freeze({
  set: { i: isIndex, j: isIndex, value: isNumber },
  zero: { rows: isInterval, columns: isInterval },
  eigenvalue: { at: isPair(isNumber), to: isPair(isNumber), half_gap: isNumber, keep: (value) => value === "eigenvectors" || value === "schur_vectors" },
  normality: { alpha: isNumber },
  radius: { spectral_radius: isNumber },
});

/** @param {unknown} edit @param {readonly string[]} ops */
function isEdit(edit, ops) {
  if (typeof edit !== "object" || edit === null) return false;
  const { op = "set", ...parts } = /** @type {Record<string, unknown>} */ (edit);
  const known = typeof op === "string" && ops.includes(op) ? PARTS[op] : undefined;
  return known !== undefined && Object.entries(parts).every(([name, value]) => known[name]?.(value));
}

/** @param {unknown} value */
function excerpt(value) {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
