/**
 * One frozen Experiment and one frozen View; every change goes through here, and so does undo.
 * Subscribers are told what kind of thing changed and read the rest for themselves.
 */
import { isSame, withFields } from "./experiment.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

/**
 * @typedef {object} View
 * @property {number} t                             the cursor's step, 1…T
 * @property {readonly [number, number] | null} span  zoomed steps [t0, t1) counted from 0, null = all
 * @property {boolean} isPlaying
 * @property {number} speed                         × 20 steps a second
 * @property {boolean} isLooping
 * @property {{i: number, j: number} | null} cell   the weight under the hand, counted from 0
 */

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
    this.#view = Object.freeze({ t: 1, span: null, isPlaying: false, speed: 1, isLooping: true, cell: null, ...view });
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
    this.replace(withFields(this.experiment, changes), { label, merge });
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

  undo() {
    const entry = this.#past.pop();
    if (!entry) return;
    this.#future.push({ ...this.#present, merge: null });
    this.#present = { ...entry, merge: null };
    this.#settle();
  }

  redo() {
    const entry = this.#future.pop();
    if (!entry) return;
    this.#past.push(this.#present);
    this.#present = entry;
    this.#settle();
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
    const { steps, cell } = this.experiment;
    const t = Math.min(Math.max(Math.round(view.t), 1), steps);
    const [t0, t1] = view.span ?? [0, 0];
    const span = view.span && t0 >= 0 && t0 < t1 && t1 <= steps && t1 - t0 < steps ? view.span : null;
    const isInside = view.cell && view.cell.i < cell.hidden_size && view.cell.j < cell.hidden_size;
    return { ...view, t, span, cell: isInside ? view.cell : null };
  }

  /** @param {Change} change */
  #tell(change) {
    for (const listener of this.#listeners) listener(change);
  }
}
