/** The atlas as it arrives, coarse to fine: log10 norms for every ρ (rows) and column of time. */

/** @typedef {import("./run.js").Window} Window */
/** @typedef {"log10_norm_h" | "log10_grad_h"} AtlasQuantity */

/** @type {readonly AtlasQuantity[]} */
const QUANTITIES = Object.freeze(["log10_norm_h", "log10_grad_h"]);

export const LARGEST_RADIUS = 2;

export class Atlas {
  /** Which rows are here. */
  #has;
  /** @type {Record<AtlasQuantity, Float32Array>} [radii, columns] */
  #values;
  /** Counts what has arrived, so that pictures know when they are old. */
  version = 0;

  /** @param {string} key what it is a picture of @param {Window} window @param {number} radii */
  constructor(key, window, radii) {
    this.key = key;
    this.window = window;
    this.radii = radii;
    this.columns = Math.min(window.columns, window.t1 - window.t0);
    this.#has = new Uint8Array(radii);
    this.#values = { log10_norm_h: new Float32Array(radii * this.columns), log10_grad_h: new Float32Array(radii * this.columns) };
  }

  get isWhole() {
    return this.#has.every(Boolean);
  }

  /** @param {number} row */
  radiusOf(row) {
    return (LARGEST_RADIUS * row) / (this.radii - 1);
  }

  /** The first step (from 0) of a column. @param {number} column */
  stepOf(column) {
    const { t0, t1 } = this.window;
    return t0 + Math.floor((column * (t1 - t0)) / this.columns);
  }

  /** @param {Readonly<Record<string, import("./tensors.js").Tensor>>} tensors */
  take({ radii, ...quantities }) {
    (radii?.data ?? []).forEach((radius, k) => {
      const row = Math.round((radius / LARGEST_RADIUS) * (this.radii - 1));
      for (const name of QUANTITIES) {
        const rays = quantities[name]?.data;
        if (rays) this.#values[name].set(rays.subarray(k * this.columns, (k + 1) * this.columns), row * this.columns);
      }
      this.#has[row] = 1;
    });
    this.version += 1;
  }

  /** A row's values; of one that is not here yet those of the nearest that is. @param {AtlasQuantity} name @param {number} row */
  row(name, row) {
    for (let far = 0; far < this.radii; far++) {
      const found = this.#has[row - far] ? row - far : this.#has[row + far] ? row + far : -1;
      if (found >= 0) return this.#values[name].subarray(found * this.columns, (found + 1) * this.columns);
    }
    return this.#values[name].subarray(0, this.columns);
  }
}
