/** A quantity of every sequence of a batch, filled chunk by chunk; shown of one of them, or of all. */

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {Float32Array | Float64Array} Numbers */
/** @typedef {number | "mean"} Sequence  counted from 0, or all of them together */

export class Batch {
  /** [B, columns · width] @type {Numbers} */
  #data = new Float32Array(0);
  #sequences = 1;
  /** What was shown last, and of which sequence. @type {{sequence: Sequence, data: Numbers} | null} */
  #shown = null;
  #size;
  #columns;

  /** @param {number} columns @param {number} width numbers a column */
  constructor(columns, width) {
    this.#columns = columns;
    this.width = width;
    this.#size = columns * width;
  }

  /** Puts a chunk in its place. @param {Tensor} tensor [n, width] or [B, n, width]; of a width of 1 also without that axis @param {number} start its first column @param {boolean} hasBatch */
  take({ data, shape }, start, hasBatch) {
    this.#shown = null;
    this.#sequences = hasBatch ? (shape[0] ?? 1) : 1;
    // A run in one chunk keeps the frame's own memory.
    if (data.length === this.#size * this.#sequences) {
      this.#data = data;
      return;
    }
    const ArrayType = data instanceof Float64Array ? Float64Array : Float32Array;
    if (this.#data.length !== this.#size * this.#sequences) this.#data = new ArrayType(this.#size * this.#sequences).fill(NaN);
    const each = data.length / this.#sequences;
    for (let b = 0; b < this.#sequences; b++) this.#data.set(data.subarray(b * each, (b + 1) * each), b * this.#size + start * this.width);
  }

  /** The numbers of one sequence, or their mean, [columns, width]. What has no batch axis is the same for all. @param {Sequence} sequence @returns {Numbers} */
  of(sequence) {
    if (this.#sequences === 1) return this.#data;
    if (this.#shown?.sequence === sequence) return this.#shown.data;
    const data = sequence === "mean" ? this.#folded((sum, value) => sum + value, 1 / this.#sequences) : this.#part(sequence);
    this.#shown = { sequence, data };
    return data;
  }

  /** The least and the largest over all sequences. @returns {[Numbers, Numbers]} */
  get extremes() {
    if (this.#sequences === 1) return [this.#data, this.#data];
    return [this.#folded(Math.min, 1), this.#folded(Math.max, 1)];
  }

  /** @param {number} sequence */
  #part(sequence) {
    const b = Math.min(sequence, this.#sequences - 1);
    return this.#data.subarray(b * this.#size, (b + 1) * this.#size);
  }

  /** @param {(a: number, b: number) => number} join @param {number} factor */
  #folded(join, factor) {
    const result = Float64Array.from(this.#part(0));
    for (let b = 1; b < this.#sequences; b++) {
      const part = this.#part(b);
      for (let k = 0; k < result.length; k++) result[k] = join(/** @type {number} */ (result[k]), /** @type {number} */ (part[k]));
    }
    return factor === 1 ? result : result.map((value) => value * factor);
  }
}
