/** What all views share: the store, the loop, the colours, and the run that is on the screen. */
import { nameOf } from "../state/compare.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../net/flight.js").Compared} Compared */
/** One of the networks on the screen. @typedef {{kind: string, name: string, run: Run | null, problem: string, reason: string}} Shown */

/**
 * Why an operation was taken back, and the Experiment that stands meanwhile.
 * @typedef {{message: string, op: import("../state/experiment.js").Edit["op"], standing: import("../state/experiment.js").Experiment}} Refused
 */

/**
 * Curves pinned as a pale ghost, to be seen behind what comes after.
 * @typedef {{run: Run, label: string}} Held
 */

/**
 * What the server has answered: tensors, and what is to be said of them; of which Experiment, and to
 * which question.
 * @typedef {{of: import("../state/experiment.js").Experiment, asked: string, tensors: Readonly<Record<string, import("../net/tensors.js").Tensor>>, notes: readonly string[]}} Answer
 */

export class Scene {
  /** @type {Run | null} what the panels show; a slow run is shown before it is whole */
  run = null;
  /** What stands beside it: of the same Experiment, on the same input. @type {readonly Compared[]} */
  compared = [];
  /** @type {Run | null} the last whole run: what is shown again where a newer one does not get there */
  whole = null;
  /** @type {readonly Compared[]} */
  #wholeCompared = [];
  /** @type {Held | null} */
  held = null;
  /** @type {Refused | null} */
  refused = null;
  /** Condition numbers of the eigenvalues [H, 2] of an Experiment, where they are known. @type {{of: import("../state/experiment.js").Experiment, eigenvalues: ArrayLike<number>, condition_numbers: ArrayLike<number>} | null} */
  conditions = null;
  /** The largest of ‖W_hh^t‖ over the first steps, where it is known. @type {{log10_norm: number, step: number, steps: number} | null} */
  powers = null;
  /** The trajectories in a plane, fixed points, the field of two units. @type {Answer & {plane: import("../state/starts.js").Plane} | null} */
  stateSpace = null;
  /** Distances of further starts from the first, and what became of each. @type {Answer | null} */
  race = null;
  /** Lyapunov exponents with their errors, eigenvalues beside them. @type {Answer | null} */
  lyapunov = null;
  /** The Jacobian of a step (from 1): its eigenvalues [H, 2], and what each unit multiplies by; or why there is none. @type {{of: import("../state/experiment.js").Experiment, t: number, eigenvalues: Float32Array | Float64Array | null, slopes: ArrayLike<number>, problem: string} | null} */
  jacobian = null;
  /** log10 ‖W_hh^t‖ of t = 1 …, of an Experiment, and the Kreiss constant of W_hh, NaN as long as it isn't known; and why there are none, or not all. @type {{of: import("../state/experiment.js").Experiment, log10_norm: ArrayLike<number>, kreiss: number, words: string} | null} */
  matrixPowers = null;
  /** log10 ‖∂h_t/∂x_k‖ [n, n] of bins with these edges, or why there is none. @type {{of: import("../state/experiment.js").Experiment, window: import("../net/run.js").Window, edges: readonly number[], values: ArrayLike<number>, problem: string} | null} */
  influence = null;
  /** What every ρ would do; it may be that of an older matrix until the new one is there. @type {import("../net/atlas.js").Atlas | null} */
  atlas = null;
  /** Why there is none. */
  atlasProblem = "";
  /** No hand has moved anything for a while: ranges may shrink and Plotly gets the data. */
  isAtRest = true;
  /** Until a pointer wants it, panels paint axes of their own. @type {typeof import("plotly.js") | null} */
  plotly = null;
  /** What an offline file holds; null where there is a server. @type {import("../net/recording.js").Recording | null} */
  recording = null;

  /**
   * @param {import("../state/store.js").Store} store
   * @param {import("./loop.js").Loop} loop
   * @param {import("./palette.js").Palette} palette
   */
  constructor(store, loop, palette) {
    this.store = store;
    this.loop = loop;
    this.palette = palette;
  }

  /** @param {Run} run @param {readonly Compared[]} compared */
  show(run, compared) {
    this.run = run;
    this.compared = compared;
    this.chooseSequence();
  }

  /** What is shown now is whole, and shown again where nothing newer gets there. */
  keep() {
    this.whole = this.run;
    this.#wholeCompared = this.compared;
  }

  /** The last whole picture again, where there is one. */
  bringBack() {
    if (this.whole) this.show(this.whole, this.#wholeCompared);
  }

  /** All networks of the picture, the main one first; just that where nothing is compared. @returns {readonly Shown[]} */
  get networks() {
    const { run } = this;
    if (!run) return [];
    const { kind } = run.experiment.cell;
    return [{ kind, name: nameOf(kind), run, problem: "", reason: "" }, ...this.compared];
  }

  /** Of a batch every panel shows the same sequence, or all of them. */
  chooseSequence() {
    const { sequence } = this.store.view;
    const runs = [this.run, this.whole, this.held?.run, ...[...this.compared, ...this.#wholeCompared].map(({ run }) => run)];
    for (const run of runs) if (run) run.sequence = sequence;
  }

  /** T of what is on the screen: panels change together, when the next run is there. */
  get steps() {
    return this.run?.T ?? this.store.experiment.steps;
  }

  /** The steps on the shared time axis, [t0, t1) from 0. @returns {readonly [number, number]} */
  get span() {
    const { span } = this.store.view;
    return span && span[1] <= this.steps ? span : [0, this.steps];
  }

  /** The range of the shared time axis: step t is centred on t, from 1 to T. @returns {[number, number]} */
  get timeRange() {
    const [t0, t1] = this.span;
    return [t0 + 0.5, t1 + 0.5];
  }
}
