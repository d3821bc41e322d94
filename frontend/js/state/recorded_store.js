/** The Store of an offline file: every change lands on the nearest Experiment that is recorded. */
import { Store } from "./store.js";
import { plain } from "../render/format.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./store.js").Step} Step */

export class RecordedStore extends Store {
  #recording;
  #onRefused;

  /**
   * @param {import("../net/recording.js").Recording} recording
   * @param {Experiment} experiment @param {Partial<import("./store.js").View>} view
   * @param {() => void} onRefused  something was to change that is not recorded
   */
  constructor(recording, experiment, view, onRefused) {
    super(experiment, view);
    this.#recording = recording;
    this.#onRefused = onRefused;
  }

  /** @override @param {Record<string, unknown>} changes @param {Step} step */
  edit(changes, step) {
    const found = this.#recording.nearest(this.experiment, changes);
    if (!found) return this.#onRefused();
    const label = "recurrent.spectral_radius" in changes ? `ρ → ${plain(found.rho ?? NaN, 4)}` : step.label;
    super.replace(found.experiment, { ...step, label });
  }

  /** @override @param {import("./edits.js").MatrixName} name @param {import("./experiment.js").Edit} edit @param {{merge?: string | null, isTyped?: boolean}} [step] */
  operate(name, edit, step = {}) {
    if (name !== "W_hh" || edit.op !== "radius") return this.#onRefused();
    this.edit({ "recurrent.spectral_radius": edit.spectral_radius }, { label: "", merge: step.merge ?? null });
  }

  /** @override @param {Experiment} experiment @param {Step} step @param {Partial<import("./store.js").View>} [view] */
  replace(experiment, step, view = {}) {
    const found = this.#recording.find(experiment);
    if (!found || found.rho === null) return this.#onRefused();
    super.replace(found.experiment, step, view);
  }
}
