/**
 * One run as its frames arrive: arrays for all columns, filled from the left by the states and
 * from the right by the gradients. A column is a step, or a bin of steps where the page asked for
 * fewer columns than there are steps.
 */
import { ALL_LAYERS, sizeOfLayer } from "../state/cells.js";
import { firstOfBatch } from "./tensors.js";

/** @typedef {import("./tensors.js").Frame} Frame */
/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./wire.js").Done} Done */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {{t0: number, t1: number, columns: number}} Window */

/**
 * The extremes of a log10 quantity in each column; the same array twice where a column is a step.
 * @typedef {{low: Float64Array, high: Float64Array}} Series
 */

/** @typedef {"log10_norm_h" | "log10_norm_c"} StateSeries */
/** @typedef {"log10_grad_h" | "log10_grad_W_hh" | "log10_grad_c" | "log10_direct_path"} GradientSeries */
/** @typedef {StateSeries | GradientSeries} SeriesName */

/** @type {readonly StateSeries[]} */
const OF_STATES = Object.freeze(["log10_norm_h", "log10_norm_c"]);
/** @type {readonly GradientSeries[]} */
const OF_GRADIENTS = Object.freeze(["log10_grad_h", "log10_grad_W_hh", "log10_grad_c", "log10_direct_path"]);

const STANDING = Object.freeze(/** @type {const} */ (["matrix", "spectrum", "closed_loop", "weights", "inputs"]));

/** Frames that stand until the server sends another of their kind on the same socket. */
export class Standing {
  /** W_hh, or its draw: then the spectrum's frame has its factor. @type {Readonly<Record<string, Tensor>>} */
  matrix = {};
  /** @type {Readonly<Record<string, Tensor>>} */
  spectrum = {};
  /** Of W_hh + W_xh W_hy, of a run that feeds its outputs back. @type {Readonly<Record<string, Tensor>>} */
  closed_loop = {};
  /** All weights but W_hh that were asked for. @type {Readonly<Record<string, Tensor>>} */
  weights = {};
  /** @type {Readonly<Record<string, Tensor>>} */
  inputs = {};

  /** @param {Frame} frame @returns {boolean} whether the frame was of a standing kind */
  take({ metadata, tensors }) {
    const kind = STANDING.find((each) => each === metadata.kind);
    if (kind) this[kind] = tensors;
    return kind !== undefined;
  }

  copy() {
    return Object.assign(new Standing(), this);
  }
}

const NOTHING = new Float32Array(0);

export class Run {
  /** @type {Done | null} the server's last word, once all frames are here */
  done = null;
  /** @type {Standing} */
  standing = new Standing();
  /** @type {Tensor | undefined} */
  #W_hh;
  /** @type {Float32Array | Float64Array} [columns, H] */
  h = new Float32Array(0);
  /** Gates, the cell state [columns, H], outputs [columns, O], as far as they were asked for. @type {Partial<Record<import("../state/cells.js").Layer, Float32Array | Float64Array>>} */
  layers = {};
  /** @type {Partial<Record<SeriesName, Series>>} */
  #series = {};
  /** Columns [0, statesEnd) of the states and [gradientsStart, columns) of the gradients are here. */
  statesEnd = 0;
  gradientsStart;
  sentAt_ms = performance.now();

  /**
   * @param {number} id
   * @param {Experiment} experiment as it was sent
   * @param {Window} window
   * @param {readonly string[]} [omit] tensors that are not sent
   */
  constructor(id, experiment, window, omit = []) {
    this.omit = omit;
    this.id = id;
    this.experiment = experiment;
    this.window = window;
    this.columns = Math.min(window.columns, window.t1 - window.t0);
    this.gradientsStart = this.columns;
  }

  get T() {
    return this.experiment.steps;
  }

  get H() {
    return this.experiment.cell.hidden_size;
  }

  /** The recurrent weights in force [H, H], once they are here: the server's own numbers, to the bit. @returns {Tensor | undefined} */
  get W_hh() {
    return (this.#W_hh ??= this.standing.matrix.W_hh ?? this.#scaledDraw());
  }

  /** Weights by their name, where they were asked for and are here. @param {import("../state/edits.js").MatrixName} name @returns {Tensor | undefined} */
  weight(name) {
    return name === "W_hh" ? this.W_hh : this.#asked("weights", name);
  }

  /** The input [columns, D], or the start h_0 [H], of the first sequence. @param {"x" | "h_0"} name @returns {Tensor | undefined} */
  input(name) {
    const tensor = this.#asked("inputs", name);
    return tensor && firstOfBatch(tensor, name === "x" ? 2 : 1);
  }

  /** What stands may be of an older run that asked for more. @param {"weights" | "inputs"} kind @param {string} name */
  #asked(kind, name) {
    return this.omit.includes(name) ? undefined : this.standing[kind][name];
  }

  /** The eigenvalues [H, 2] that are in force while the network generates. @returns {Tensor | undefined} */
  get closedLoop() {
    return typeof this.done?.closed_loop_radius === "number" ? this.standing.closed_loop.closed_loop_eigenvalues : undefined;
  }

  /** @returns {Tensor | undefined} */
  #scaledDraw() {
    const { matrix: { W_hh_drawn: drawn }, spectrum: { W_hh_scale: factor } } = this.standing;
    const scale = factor?.data[0];
    if (!drawn || scale === undefined) return undefined;
    // A product of two float64 numbers, rounded to the run's dtype on its way into the array.
    const ArrayType = this.experiment.dtype === "float32" ? Float32Array : Float64Array;
    const data = new ArrayType(drawn.data.length);
    for (let k = 0; k < data.length; k++) data[k] = scale * /** @type {number} */ (drawn.data[k]);
    return { shape: drawn.shape, data };
  }

  get isWhole() {
    return this.done !== null;
  }

  /** Whether the server is asked for a window in columns; without, every step comes as it is. */
  get hasView() {
    const { t0, t1, columns } = this.window;
    return t0 > 0 || t1 < this.T || columns < this.T;
  }

  /** Whether a column holds more than one step. */
  get isBinned() {
    return this.columns < this.window.t1 - this.window.t0;
  }

  /** The first step (from 0) of a column. @param {number} column */
  stepOf(column) {
    const { t0, t1 } = this.window;
    return t0 + Math.floor((column * (t1 - t0)) / this.columns);
  }

  /** The column that holds a step (from 0). @param {number} step */
  columnOf(step) {
    const { t0, t1 } = this.window;
    const guess = Math.floor(((step - t0) * this.columns) / (t1 - t0));
    return guess + 1 < this.columns && this.stepOf(guess + 1) <= step ? guess + 1 : guess;
  }

  /** @param {SeriesName} name @returns {Series} */
  series(name) {
    return (this.#series[name] ??= this.#emptySeries());
  }

  /** The steps (from 1) that share a column with a step (from 0): one, unless columns are bins. @param {number} step @returns {[number, number]} */
  sharing(step) {
    const column = this.columnOf(step);
    return [this.stepOf(column) + 1, this.stepOf(column + 1)];
  }

  /** The value of a log10 quantity at a step (from 0): its largest in the step's column. @param {SeriesName} name @param {number} step */
  valueAt(name, step) {
    const column = this.columnOf(step);
    return this.series(name).high[column] ?? NaN;
  }

  /** @param {Frame} frame a chunk of this run's states or gradients */
  take({ metadata, tensors }) {
    const start = this.columnOf(Number(metadata.t0));
    if (metadata.kind === "states") {
      this.statesEnd = this.#takeStates(start, tensors);
    } else if (metadata.kind === "gradients") {
      this.#takeSeries(start, tensors, OF_GRADIENTS);
      this.gradientsStart = start;
    }
  }

  /** @param {number} start @param {Readonly<Record<string, Tensor>>} tensors @returns {number} the first column not here yet */
  #takeStates(start, tensors) {
    if (tensors.h) this.h = this.#withChunk(this.h, start, tensors.h, this.H);
    for (const name of ALL_LAYERS) {
      const tensor = tensors[name];
      if (tensor) this.layers[name] = this.#withChunk(this.layers[name], start, tensor, this.rowsOf(name));
    }
    return start + this.#takeSeries(start, tensors, OF_STATES);
  }

  /** Units × columns with one more chunk in it. @param {Float32Array | Float64Array | undefined} known @param {number} start @param {Tensor} tensor @param {number} rows */
  #withChunk(known, start, tensor, rows) {
    const { data } = firstOfBatch(tensor, 2);
    const size = this.columns * rows;
    // A run in one chunk keeps the frame's own memory.
    if (data.length === size) return data;
    const whole = known?.length === size ? known : data instanceof Float64Array ? new Float64Array(size) : new Float32Array(size);
    whole.set(data, start * rows);
    return whole;
  }

  /** What of every step and unit is shown, [columns, rows]: empty where it was not asked for. @param {import("../state/cells.js").Layer} name */
  layer(name) {
    return name === "h" ? this.h : (this.layers[name] ?? NOTHING);
  }

  /** The probabilities of the classes after a step (from 0); null where they aren't here, or only the largest of many steps. @param {number} step */
  distributionAt(step) {
    const { t0, t1 } = this.window;
    const [p, O] = [this.layers.p, this.rowsOf("p")];
    const column = this.columnOf(step);
    return p && !this.isBinned && step >= t0 && step < t1 && column < this.statesEnd ? p.subarray(column * O, (column + 1) * O) : null;
  }

  /** How many numbers a step has there. @param {import("../state/cells.js").Layer} name */
  rowsOf(name) {
    return sizeOfLayer(this.experiment, name);
  }

  /**
   * @param {number} start @param {Readonly<Record<string, Tensor>>} tensors @param {readonly SeriesName[]} names
   * @returns {number} columns in the chunk
   */
  #takeSeries(start, tensors, names) {
    let count = 0;
    for (const name of names) {
      const tensor = tensors[name];
      if (!tensor) continue;
      const isPaired = this.hasView;
      const { data, shape } = firstOfBatch(tensor, isPaired ? 2 : 1);
      count = shape[0] ?? 0;
      const { low, high } = this.series(name);
      for (let k = 0; k < count; k++) {
        low[start + k] = data[isPaired ? 2 * k : k] ?? NaN;
        high[start + k] = data[isPaired ? 2 * k + 1 : k] ?? NaN;
      }
    }
    return count;
  }

  /** @returns {Series} */
  #emptySeries() {
    return { low: new Float64Array(this.columns).fill(NaN), high: new Float64Array(this.columns).fill(NaN) };
  }
}
