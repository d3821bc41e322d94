/**
 * One run as its frames arrive: arrays for all columns, filled from the left by the states and
 * from the right by the gradients. A column is a step, or a bin of steps where the page asked for
 * fewer columns than there are steps.
 */
import { ALL_LAYERS } from "../state/cells.js";
import { Batch } from "./batch.js";
import { oneOfBatch } from "./tensors.js";
import { TokenNames } from "./tokens.js";

/** @typedef {import("./tensors.js").Frame} Frame */
/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./wire.js").Done} Done */
/** @typedef {import("./batch.js").Sequence} Sequence */
/** @typedef {import("../state/cells.js").Layer | `h_l${number}`} AnyLayer  of a stack also the states of the layers under the top one */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {{t0: number, t1: number, columns: number}} Window */

/**
 * The extremes of a log10 quantity in each column, or over the sequences of a batch; the same array
 * twice where a column is a step of one sequence. `mean` only of a batch.
 * @typedef {{low: Float64Array, high: Float64Array, mean?: Float64Array}} Series
 */

/** @typedef {"log10_norm_h" | "log10_norm_c" | "log10_grad_h" | "log10_grad_W_hh" | "log10_grad_c" | "log10_direct_path" | `log10_norm_h_l${number}` | `log10_grad_h_l${number}`} SeriesName */

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
  /** Of a text. @type {TokenNames | null} */
  tokens = null;

  /** @param {Frame} frame @returns {boolean} whether the frame was of a standing kind */
  take({ metadata, tensors }) {
    if (metadata.kind === "tokens" && tensors.token_index) {
      this.tokens = new TokenNames(tensors.token_index, metadata);
      return true;
    }
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
  /** Which of a batch is shown. @type {Sequence} */
  sequence = 0;
  /** States, gates, outputs, as far as they were asked for. @type {Map<AnyLayer, Batch>} */
  #layers = new Map();
  /** @type {Map<SeriesName, {low: Batch, high: Batch}>} */
  #series = new Map();
  /** @type {Map<SeriesName, {of: Sequence, series: Series}>} */
  #shown = new Map();
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

  get B() {
    return this.experiment.batch_size;
  }

  /** The recurrent weights in force [H, H], once they are here: the server's own numbers, to the bit. @returns {Tensor | undefined} */
  get W_hh() {
    const { W_hh, W_qkv } = this.standing.matrix;
    return (this.#W_hh ??= W_hh ?? W_qkv ?? this.#scaledDraw());
  }

  /** Weights by their name, where they were asked for and are here. @param {import("../state/edits.js").MatrixName} name @returns {Tensor | undefined} */
  weight(name) {
    return name === "W_hh" ? this.W_hh : this.#asked("weights", name);
  }

  /** The input [columns, D], or the start h_0 [H], of the sequence that is shown. @param {"x" | "h_0"} name @returns {Tensor | undefined} */
  input(name) {
    const tensor = this.#asked("inputs", name);
    return tensor && oneOfBatch(tensor, name === "x" ? 2 : 1, this.sequence === "mean" ? 0 : this.sequence);
  }

  /** The token of a step (from 0), where the input is a text and the step has one. @param {number} step @returns {string | null} */
  tokenAt(step) {
    return this.tokens?.ofStep(step, this.sequence) ?? null;
  }

  /** The token that a class (from 0) stands for, where it is one. @param {number} k @returns {string | null} */
  tokenOfClass(k) {
    return this.experiment.input.embedding === "one_hot" ? (this.tokens?.ofClass(k) ?? null) : null;
  }

  /** The tokens of its steps, where the input is a text. */
  get tokens() {
    return this.experiment.input.kind === "text" && !this.omit.includes("token_index") ? this.standing.tokens : null;
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
    const stored = this.#series.get(name);
    if (!stored) return this.#nothing;
    const known = this.#shown.get(name);
    if (known?.of === this.sequence) return known.series;
    const { low, high } = stored;
    const isOfAll = this.sequence === "mean" && this.B > 1;
    const found = isOfAll ? { low: low.extremes[0], high: high.extremes[1], mean: high.of("mean") } : { low: low.of(this.sequence), high: high.of(this.sequence) };
    const series = /** @type {Series} */ (found); // logarithms are float64 always
    this.#shown.set(name, { of: this.sequence, series });
    return series;
  }

  /** The steps (from 1) that share a column with a step (from 0): one, unless columns are bins. @param {number} step @returns {[number, number]} */
  sharing(step) {
    const column = this.columnOf(step);
    return [this.stepOf(column) + 1, this.stepOf(column + 1)];
  }

  /** The value of a log10 quantity at a step (from 0): its largest in the step's column. @param {SeriesName} name @param {number} step */
  valueAt(name, step) {
    const column = this.columnOf(step);
    const { mean, high } = this.series(name);
    return (mean ?? high)[column] ?? NaN;
  }

  /** @param {Frame} frame a chunk of this run's states or gradients */
  take({ metadata, tensors }) {
    const [start, end] = [this.columnOf(Number(metadata.t0)), this.columnOf(Number(metadata.t1) - 1) + 1];
    if (metadata.kind !== "states" && metadata.kind !== "gradients") return;
    for (const [name, tensor] of Object.entries(tensors)) {
      if (name.startsWith("log10_")) this.#takeSeries(/** @type {SeriesName} */ (name), tensor, start);
      else if (isLayer(name)) this.#takeLayer(name, tensor, start);
    }
    if (metadata.kind === "states") this.statesEnd = end;
    else this.gradientsStart = start;
  }

  /** @param {AnyLayer} name @param {Tensor} tensor @param {number} start */
  #takeLayer(name, tensor, start) {
    const batch = this.#layers.get(name) ?? new Batch(this.columns, this.rowsOf(name));
    this.#layers.set(name, batch);
    batch.take(tensor, start, tensor.shape.length > 2);
  }

  /** @param {SeriesName} name @param {Tensor} tensor @param {number} start */
  #takeSeries(name, tensor, start) {
    this.#shown.delete(name);
    const known = this.#series.get(name);
    if (!this.hasView) {
      const both = known?.high ?? new Batch(this.columns, 1);
      both.take(tensor, start, tensor.shape.length > 1);
      this.#series.set(name, { low: both, high: both });
      return;
    }
    const { low, high } = known ?? { low: new Batch(this.columns, 1), high: new Batch(this.columns, 1) };
    this.#series.set(name, { low, high });
    const shape = tensor.shape.slice(0, -1);
    for (const [offset, batch] of /** @type {Array<[number, Batch]>} */ ([[0, low], [1, high]])) {
      batch.take({ shape, data: Float64Array.from({ length: tensor.data.length / 2 }, (_, k) => tensor.data[2 * k + offset] ?? NaN) }, start, shape.length > 1);
    }
  }

  /** What of every step and unit is shown, [columns, rows]: empty where it was not asked for. @param {AnyLayer} name */
  layer(name) {
    return this.#layers.get(name)?.of(this.sequence) ?? NOTHING;
  }

  /** The probabilities of the classes after a step (from 0); null where they aren't here, or only the largest of many steps. @param {number} step */
  distributionAt(step) {
    const { t0, t1 } = this.window;
    const [p, O] = [this.layer("p"), this.rowsOf("p")];
    const column = this.columnOf(step);
    return p.length && !this.isBinned && step >= t0 && step < t1 && column < this.statesEnd ? p.subarray(column * O, (column + 1) * O) : null;
  }

  /** How many numbers a step has there. @param {AnyLayer} name */
  rowsOf(name) {
    return name === "y" || name === "p" ? this.experiment.cell.output_size : this.H;
  }

  /** The states of the network's own layers, the bottom first: h_l0, h_l1 …, h. @returns {readonly AnyLayer[]} */
  get stack() {
    const below = Array.from({ length: this.experiment.cell.layers - 1 }, (_, number) => /** @type {AnyLayer} */ (`h_l${number}`));
    return [...below, "h"];
  }

  /** @returns {Series} */
  get #nothing() {
    const empty = new Float64Array(this.columns).fill(NaN);
    return { low: empty, high: empty };
  }
}

/** @param {string} name @returns {name is AnyLayer} */
const isLayer = (name) => name === "h" || /^h_l\d+$/.test(name) || ALL_LAYERS.some((each) => each === name);
