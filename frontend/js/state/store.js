/**
 * One frozen Experiment and one frozen View; every change goes through here, and so does undo.
 * Subscribers are told what kind of thing changed and read the rest for themselves.
 */
import { MATRICES, editsOf, editsThatMustGo, sizeOf, withEdit, wordsOf } from "./edits.js";
import { isSame, withFields } from "./experiment.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

/**
 * @typedef {object} View
 * @property {number} t                             the cursor's step, 1…T
 * @property {readonly [number, number] | null} span  zoomed steps [t0, t1) counted from 0, null = all
 * @property {boolean} isPlaying
 * @property {number} speed                         × 20 steps a second
 * @property {boolean} isLooping
 * @property {"hidden_states" | "atlas"} top  the view in the upper panel over time
 * @property {"norms" | "atlas"} bottom  and in the lower one
 * @property {import("./edits.js").MatrixName} matrix  the weights that are shown
 * @property {{i: number, j: number} | null} cell   the weight under the hand, counted from 0
 * @property {{i: number, j: number} | null} corner  the opposite corner of a block of weights
 * @property {"eigenvectors" | "schur_vectors"} keep  what a moved eigenvalue leaves alone
 * @property {readonly [number, number] | null} eigenvalue  where the eigenvalue in hand is, (Re, Im)
 */

/** @typedef {"top" | "bottom"} Place */
/** @typedef {"experiment" | "view"} Change */
/** @typedef {{experiment: Experiment, label: string, merge: string | null}} Entry */

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

  /** @param {Experiment} experiment @param {Partial<View>} [view] */
  constructor(experiment, view = {}) {
    this.#present = { experiment, label: "opened", merge: null };
    this.#view = Object.freeze({ t: 1, span: null, isPlaying: false, speed: 1, isLooping: true, top: "hidden_states", bottom: "norms", matrix: "W_hh", cell: null, corner: null, keep: "eigenvectors", eigenvalue: null, ...view });
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
   * @param {{label: string, merge?: string | null}} step
   */
  edit(changes, { label, merge = null }) {
    const next = withFields(this.experiment, changes);
    this.replace(withFields(next, editsThatMustGo(this.experiment, next)), { label, merge });
  }

  /**
   * One more operation on a matrix; while a hand moves, in the place of its last one.
   * @param {import("./edits.js").MatrixName} name @param {import("./edits.js").Edit} edit
   * @param {{before?: readonly import("./edits.js").Edit[], merge?: string | null}} [step]  the operations before the hand's
   */
  operate(name, edit, { before = editsOf(this.experiment, name), merge = null } = {}) {
    this.edit({ [MATRICES[name].path]: withEdit(before, edit) }, { label: wordsOf(name, edit), merge });
  }

  /** @param {Experiment} experiment @param {{label: string, merge?: string | null}} step */
  replace(experiment, { label, merge = null }) {
    if (isSame(experiment, this.experiment)) return;
    const isSameStep = merge !== null && merge === this.#present.merge;
    const before = this.#past.at(-1);
    if (isSameStep && before && isSame(experiment, before.experiment)) {
      // The step came back to where it began: it is no step.
      this.#past.pop();
      this.#present = { ...before, merge: null };
      this.#settle();
      return;
    }
    if (!isSameStep) {
      this.#past.push(this.#present);
      if (this.#past.length > HISTORY_DEPTH) this.#past.shift();
    }
    this.#future = [];
    this.#present = { experiment, label, merge };
    this.#settle();
  }

  /** The next change starts a step of its own, whatever it merges with (a drag has ended). */
  endStep() {
    this.#present = { ...this.#present, merge: null };
  }

  /** The present step turned out to be impossible: it becomes this one. @param {Experiment} experiment */
  retract(experiment) {
    const before = this.#past.at(-1);
    if (before && isSame(before.experiment, experiment)) {
      this.#past.pop();
      this.#present = { ...before, merge: null };
    } else this.#present = { ...this.#present, experiment };
    this.#settle();
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
    return { ...view, t, span, cell, corner: cell && inside(view.corner) };
  }

  /** @param {Change} change */
  #tell(change) {
    for (const listener of this.#listeners) listener(change);
  }
}
