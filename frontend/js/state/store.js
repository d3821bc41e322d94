/**
 * One frozen Experiment and one frozen View; every change goes through here, and so does undo.
 * Subscribers are told what kind of thing changed and read the rest for themselves.
 */
import { layersOf } from "./cells.js";
import { fittingKinds } from "./compare.js";
import { countEdits, editsOf, editsThatMustGo, MATRICES, MATRIX_NAMES, sizeOf, withEdit, wordsOf } from "./edits.js";
import { isSame, withFields } from "./experiment.js";
import { consequences } from "./forms.js";
import { withoutRefused } from "./history.js";
import { fittingPlane, fittingStarts, ONE_START } from "./starts.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

/**
 * @typedef {object} View
 * @property {number} t                             the cursor's step, 1…T
 * @property {readonly [number, number] | null} span  zoomed steps [t0, t1) counted from 0, null = all
 * @property {boolean} isPlaying
 * @property {number} speed                         × 20 steps a second
 * @property {boolean} isLooping
 * @property {import("./linked_view.js").TopView} top  the view in the upper panel over time
 * @property {import("./linked_view.js").BottomView} bottom  and in the lower one
 * @property {import("./linked_view.js").SideView} side  and beside them
 * @property {import("./linked_view.js").Second} second  which of the panels below and beside stands second on a projector
 * @property {import("./cells.js").Layer} layer  what of a step is shown: its state, a gate, its output
 * @property {readonly import("./compare.js").ComparedKind[]} compare  what the network is held against
 * @property {import("../net/batch.js").Sequence} sequence  which of a batch is shown
 * @property {import("./starts.js").Starts} starts  how many starts the state space and the race show, and where they lie
 * @property {import("./starts.js").Plane} plane  the two units that span the state space
 * @property {number} unroll  from 0, the recursive picture, to 1, the unrolled one
 * @property {import("./linked_view.js").Chosen | null} cone  the state of the unrolled network whose dependencies are lit
 * @property {boolean} hasJacobian  the eigenvalues of the step at the cursor lie over those of W_hh
 * @property {string} lesson  the lesson that is being read, empty without one
 * @property {number} step  and its step, from 1
 * @property {import("./edits.js").MatrixName} matrix  the weights that are shown
 * @property {{i: number, j: number} | null} cell   the weight under the hand, counted from 0
 * @property {{i: number, j: number} | null} corner  the opposite corner of a block of weights
 * @property {"eigenvectors" | "schur_vectors"} keep  what a moved eigenvalue leaves alone
 * @property {readonly [number, number] | null} eigenvalue  where the eigenvalue in hand is, (Re, Im)
 */

/** @typedef {"top" | "bottom" | "side"} Place */
/** @typedef {"experiment" | "view"} Change */
/** @typedef {import("./history.js").Entry} Entry */

/**
 * @typedef {object} Step  how a change is told and undone
 * @property {string} label
 * @property {string | null} [merge]  steps with the same key that follow one another are one
 * @property {boolean} [isTyped]
 * @property {boolean} [isFree]  also where it is locked
 */

/** How many steps back undo reaches. */
const HISTORY_DEPTH = 200;

export class Store {
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();
  /** @type {Entry[]} */
  #past = [];
  /** @type {Entry[]} */
  #future = [];
  /** @type {Entry} */
  #present;
  /** @type {View} */
  #view;
  /** Paths that no hand may change. @type {ReadonlySet<string>} */
  #locked = new Set();
  /** Whether the change that subscribers are being told of is a refusal's, not a hand's. */
  isRetracting = false;

  /** @param {Experiment} experiment @param {Partial<View>} [view] */
  constructor(experiment, view = {}) {
    this.#present = { experiment, label: "opened", merge: null, isTyped: false, lost: 0, paths: [], undone: [] };
    this.#view = Object.freeze(this.#fit({ t: 1, span: null, isPlaying: false, speed: 1, isLooping: true, top: "hidden_states", bottom: "norms", side: "eigenvalues", second: "bottom", layer: "h", compare: [], sequence: 0, starts: ONE_START, plane: null, unroll: 1, cone: null, hasJacobian: false, lesson: "", step: 1, matrix: "W_hh", cell: null, corner: null, keep: "eigenvectors", eigenvalue: null, ...view }));
  }

  get experiment() {
    return this.#present.experiment;
  }

  get view() {
    return this.#view;
  }

  get undoLabel() {
    return this.#past.length ? this.#present.label : null;
  }

  get redoLabel() {
    return this.#future.at(-1)?.label ?? null;
  }

  /** @param {(change: Change) => void} listener @param {AbortSignal} signal */
  subscribe(listener, signal) {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /**
   * Changes fields of the Experiment as one step of history. Steps with the same `merge` key that
   * follow one another are one step: a drag is undone at once.
   * @param {Record<string, unknown>} changes dotted path → value
   * @param {Step} step
   */
  edit(changes, { label, isFree = false, ...step }) {
    if (!isFree && this.#locked.size) changes = Object.fromEntries(Object.entries(changes).filter(([path]) => !this.#locked.has(path)));
    if (Object.keys(changes).length === 0) return;
    const start = (this.#isOfPresentStep(step.merge ?? null) && this.#past.at(-1)?.experiment) || this.experiment;
    // What had no place at an earlier moment of the same step may have one now.
    const edits = Object.fromEntries(MATRIX_NAMES.map((name) => [MATRICES[name].path, editsOf(start, name)]));
    const asked = withFields(this.experiment, { ...edits, ...changes });
    const wished = withFields(asked, consequences(this.experiment, asked));
    const next = withFields(wished, editsThatMustGo(start, wished));
    const lost = countEdits(wished) - countEdits(next);
    this.#put(next, { label: lost ? `${label}, ${editsText(lost)} left out` : label, ...step }, lost, Object.keys(changes));
  }

  /** From now on no hand changes what stands at these paths; a link still does. @param {ReadonlySet<string>} paths */
  lock(paths) {
    this.#locked = paths;
  }

  /** How many operations on weights the present step has left out, if it is one of this field. @param {string} path */
  lostTo(path) {
    return this.#present.paths.includes(path) ? this.#present.lost : 0;
  }

  /**
   * One more operation on a matrix; while a hand moves, in the place of its last one.
   * @param {import("./edits.js").MatrixName} name @param {import("./edits.js").Edit} edit
   * @param {{before?: readonly import("./edits.js").Edit[], merge?: string | null, isTyped?: boolean}} [step]  before: the operations before the hand's
   */
  operate(name, edit, { before = editsOf(this.experiment, name), ...step } = {}) {
    // ρ of a matrix that a hand has made is an operation on it, and yet ρ.
    const path = edit.op === "radius" ? "recurrent.spectral_radius" : MATRICES[name].path;
    if (!this.#locked.has(path)) this.edit({ [MATRICES[name].path]: withEdit(before, edit) }, { label: wordsOf(name, edit), ...step, isFree: true });
  }

  /** Another Experiment, and how it is looked at, as one change. @param {Experiment} experiment @param {Step} step @param {Partial<View>} [view] */
  replace(experiment, step, view = {}) {
    if (isSame(experiment, this.experiment)) return this.look(view);
    this.#view = Object.freeze({ ...this.#view, ...view });
    this.#put(experiment, step, 0, []);
  }

  /** @param {string | null} merge */
  #isOfPresentStep(merge) {
    return merge !== null && merge === this.#present.merge;
  }

  /** @param {Experiment} experiment @param {Step} step @param {number} lost @param {readonly string[]} paths */
  #put(experiment, { label, merge = null, isTyped = false }, lost, paths) {
    if (isSame(experiment, this.experiment)) return;
    const isSameStep = this.#isOfPresentStep(merge);
    const before = this.#past.at(-1);
    if (isSameStep && before && isSame(experiment, before.experiment)) {
      // The step came back to where it began: it is no step.
      this.#past.pop();
      this.#future = [...this.#present.undone];
      this.#present = { ...before, merge: null };
      this.#settle();
      return;
    }
    const undone = isSameStep ? this.#present.undone : this.#future;
    if (!isSameStep) {
      this.#past.push({ ...this.#present, undone: [] });
      if (this.#past.length > HISTORY_DEPTH) this.#past.shift();
    }
    this.#future = [];
    this.#present = { experiment, label, merge, isTyped, lost, paths, undone };
    this.#settle();
  }

  /** Breaks off the step that is under way, as if it had never begun. @param {string} merge */
  abandon(merge) {
    const before = this.#past.at(-1);
    if (before && this.#isOfPresentStep(merge)) this.replace(before.experiment, { label: before.label, merge });
  }

  /** The next change starts a step of its own, whatever it merges with (a drag has ended). */
  endStep() {
    this.#present = { ...this.#present, merge: null };
  }

  /**
   * The server refused an operation: no step has it any more, and where the present one is left with
   * nothing, what could be redone before it can be again.
   * @param {import("./edits.js").Refusal} refusal @param {Experiment | null} painted
   */
  retract(refusal, painted) {
    const { undone } = this.#present;
    const found = withoutRefused([...this.#past, this.#present, ...this.#future.toReversed()], this.#past.length, refusal, painted);
    const present = found?.entries[found.position];
    if (!found || !present) return;
    const { entries, position, isGone } = found;
    this.#past = entries.slice(0, position);
    this.#present = isGone ? { ...present, merge: null } : present;
    const future = entries.slice(position + 1).toReversed();
    this.#future = isGone && !future.length ? [...undone] : future;
    this.isRetracting = true;
    this.#settle();
    this.isRetracting = false;
  }

  /** Every step that can be gone to, oldest first, and which one stands now. */
  get history() {
    return { labels: [...this.#past, this.#present, ...this.#future.toReversed()].map(({ label }) => label), position: this.#past.length };
  }

  /** Undoes or redoes up to a step. @param {number} position as in `history` */
  goTo(position) {
    while (position < this.#past.length) this.#back();
    while (position > this.#past.length && this.#future.length) this.#forth();
    this.#settle();
  }

  undo() {
    if (this.#back()) this.#settle();
  }

  redo() {
    if (this.#forth()) this.#settle();
  }

  #back() {
    const entry = this.#past.pop();
    if (!entry) return false;
    this.#future.push({ ...this.#present, merge: null });
    this.#present = { ...entry, merge: null };
    return true;
  }

  #forth() {
    const entry = this.#future.pop();
    if (!entry) return false;
    this.#past.push(this.#present);
    this.#present = entry;
    return true;
  }

  /** @param {Partial<View>} changes */
  look(changes) {
    const next = this.#fit({ ...this.#view, ...changes });
    if (JSON.stringify(next) === JSON.stringify(this.#view)) return;
    this.#view = Object.freeze(next);
    this.#tell("view");
  }

  /** An Experiment's sizes bound the view: the cursor stays in 1…T, the cell in the matrix. */
  #settle() {
    this.#view = Object.freeze(this.#fit(this.#view));
    this.#tell("experiment");
  }

  /** @param {View} view @returns {View} */
  #fit(view) {
    const { steps } = this.experiment;
    const t = Math.min(Math.max(Math.round(view.t), 1), steps);
    const [t0, t1] = view.span ?? [0, 0];
    const span = view.span && t0 >= 0 && t0 < t1 && t1 <= steps && t1 - t0 < steps ? view.span : null;
    const [rows, columns] = sizeOf(this.experiment, view.matrix);
    const inside = (/** @type {View["cell"]} */ cell) => (cell && cell.i < rows && cell.j < columns ? cell : null);
    const cell = inside(view.cell);
    const layer = layersOf(this.experiment).includes(view.layer) ? view.layer : "h";
    const sequence = view.sequence === "mean" ? "mean" : Math.min(view.sequence, this.experiment.batch_size - 1);
    const fitting = fittingKinds(view.compare, this.experiment.cell);
    const compare = fitting.length === view.compare.length ? view.compare : fitting;
    const plane = fittingPlane(view.plane, this.experiment.cell);
    const starts = fittingStarts(view.starts, view.bottom);
    const { layers } = this.experiment.cell;
    // The top layer has no number of its own: it stays the top one when layers come or go.
    const of = view.cone?.layer ?? null;
    const cone = view.cone && view.cone.t <= steps && (of ?? 0) < layers ? { t: view.cone.t, layer: of === layers - 1 ? null : of } : null;
    return { ...view, t, span, layer, sequence, compare, plane, starts, cone, cell, corner: cell && inside(view.corner) };
  }

  /** @param {Change} change */
  #tell(change) {
    for (const listener of this.#listeners) listener(change);
  }
}

/** @param {number} count of operations on weights */
export const editsText = (count) => (count === 1 ? "1 edit" : `${count} edits`);
