/**
 * The one table of the Experiment's fields: where each lives in the document, what it may hold,
 * its default, its name in a readable link and its name on the page. Links, controls and messages
 * are all driven by it, so a field is described once.
 *
 * `min`, `max` are what a control offers; the server has the last word (its limits come in `hello`).
 */

/** @typedef {"integer" | "number" | "choice" | "numbers" | "edits"} FieldType */

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
 * @property {readonly [string, readonly string[]]} [only]  exists only where another field has one of these values
 */

/** @type {readonly Field[]} */
export const FIELDS = Object.freeze([
  { path: "version", type: "integer", initial: 1, label: "document version", min: 1, max: 1 },

  { path: "cell.kind", type: "choice", initial: "elman", label: "cell", choices: ["elman", "gru", "lstm"], short: "cell" },
  { path: "cell.activation", type: "choice", initial: "tanh", label: "activation", symbol: "φ", choices: ["tanh", "relu", "linear"], short: "phi" },
  { path: "cell.input_size", type: "integer", initial: 1, label: "input size", symbol: "D", min: 1, max: 4096, short: "D" },
  { path: "cell.hidden_size", type: "integer", initial: 64, label: "hidden units", symbol: "H", min: 1, max: 1024, short: "H" },
  { path: "cell.output_size", type: "integer", initial: 1, label: "output size", symbol: "O", min: 1, max: 16384, short: "O" },

  { path: "recurrent.ensemble", type: "choice", initial: "gaussian", label: "ensemble of W_hh", short: "ensemble",
    choices: ["gaussian", "orthogonal", "identity", "rotation", "antisymmetric", "symmetric", "sparse", "delay_line", "ring"] },
  { path: "recurrent.seed", type: "integer", initial: 0, label: "seed of W_hh", min: 0, max: 2 ** 31 - 1, short: "seed" },
  { path: "recurrent.spectral_radius", type: "number", initial: null, nullable: true, label: "spectral radius", symbol: "ρ", min: 0, max: 1e6, short: "rho" },
  { path: "recurrent.gain", type: "number", initial: null, nullable: true, label: "gain", symbol: "g", min: 0, max: 1e6, short: "gain" },
  { path: "recurrent.edits", type: "edits", initial: Object.freeze([]), label: "edits of W_hh" },

  { path: "input_weights.scale", type: "number", initial: 1, label: "scale of W_xh", min: 0, max: 1e6, short: "Wxh" },
  { path: "input_weights.seed", type: "integer", initial: 1, label: "seed of W_xh", min: 0, max: 2 ** 31 - 1 },
  { path: "bias.scale", type: "number", initial: 0, label: "scale of b_h", min: 0, max: 1e6, short: "bias" },
  { path: "bias.seed", type: "integer", initial: 3, label: "seed of b_h", min: 0, max: 2 ** 31 - 1 },
  { path: "readout.scale", type: "number", initial: 1, label: "scale of W_hy", min: 0, max: 1e6 },
  { path: "readout.seed", type: "integer", initial: 4, label: "seed of W_hy", min: 0, max: 2 ** 31 - 1 },

  { path: "input.kind", type: "choice", initial: "impulse", label: "input", symbol: "x_t", short: "input",
    choices: ["impulse", "constant", "sine", "noise", "silence", "values"] },
  { path: "input.amplitude", type: "number", initial: 1, label: "amplitude", min: -1e30, max: 1e30, short: "amplitude" },
  { path: "input.seed", type: "integer", initial: 2, label: "seed of the noise", min: 0, max: 2 ** 31 - 1 },
  { path: "input.period", type: "number", initial: 20, label: "period in steps", only: ["input.kind", ["sine"]], min: 1e-3, max: 1e9, short: "period" },
  { path: "input.values", type: "numbers", initial: null, nullable: true, label: "input values [T, D]", only: ["input.kind", ["values"]] },

  { path: "initial_state.kind", type: "choice", initial: "zeros", label: "start", symbol: "h_0", short: "h0", choices: ["zeros", "random", "values"] },
  { path: "initial_state.seed", type: "integer", initial: 5, label: "seed of h_0", only: ["initial_state.kind", ["random"]], min: 0, max: 2 ** 31 - 1 },
  { path: "initial_state.scale", type: "number", initial: 1, label: "scale of h_0", only: ["initial_state.kind", ["random"]], min: 0, max: 1e30, short: "h0scale" },
  { path: "initial_state.values", type: "numbers", initial: null, nullable: true, label: "values of h_0 [H]", only: ["initial_state.kind", ["values"]] },

  { path: "loss.at", type: "choice", initial: "last", label: "loss sits", choices: ["last", "every"], short: "at" },
  { path: "loss.kind", type: "choice", initial: "linear", label: "loss", symbol: "L", choices: ["linear", "mse", "cross_entropy"], short: "loss" },
  { path: "loss.target", type: "numbers", initial: null, nullable: true, label: "target of the loss", only: ["loss.kind", ["mse"]] },

  { path: "steps", type: "integer", initial: 200, label: "steps", symbol: "T", min: 1, max: 1_000_000, short: "T" },
  { path: "batch_size", type: "integer", initial: 1, label: "batch size", symbol: "B", min: 1, max: 1024, short: "B" },
  { path: "dtype", type: "choice", initial: "float32", label: "number format", choices: ["float32", "float64"], short: "dtype" },
]);

/** @type {ReadonlyMap<string, Field>} */
export const FIELD_AT = new Map(FIELDS.map((field) => [field.path, field]));

/** @type {ReadonlyMap<string, Field>} */
export const FIELD_NAMED = new Map(FIELDS.flatMap((field) => (field.short ? [[field.short, field]] : [])));

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
      return isNumbers(value, 3) ? null : `${got}expected an array of finite numbers.`;
    case "edits":
      return Array.isArray(value) && value.every(isEdit) ? null : `${got}expected a list of {"op": "set", "i", "j", "value"}.`;
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

/** @param {unknown} edit */
function isEdit(edit) {
  if (typeof edit !== "object" || edit === null) return false;
  const { op, i, j, value, ...rest } = /** @type {Record<string, unknown>} */ (edit);
  const isIndex = (/** @type {unknown} */ index) => Number.isSafeInteger(index) && Number(index) >= 0;
  return op === "set" && isIndex(i) && isIndex(j) && typeof value === "number" && Number.isFinite(value) && Object.keys(rest).length === 0;
}

/** @param {unknown} value */
function excerpt(value) {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
