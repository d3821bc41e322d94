/** A matrix of signed values as pixels: one pixel a cell, stretched onto the plot area. */

/** @typedef {import("./palette.js").Palette} Palette */

export class Raster {
  #canvas = document.createElement("canvas");
  /** @type {ImageData | null} */
  #image = null;
  width = 0;
  height = 0;

  /**
   * Fills the pixels. A row of `values` is a column of the picture where `isTransposed`.
   * @param {Float32Array | Float64Array} values [rows, columns]
   * @param {number} rows @param {number} columns
   * @param {number} limit         |value| that gets the full colour
   * @param {Palette} palette
   * @param {{isTransposed?: boolean, filledRows?: number}} [options]
   */
  fill(values, rows, columns, limit, palette, { isTransposed = false, filledRows = rows } = {}) {
    this.width = isTransposed ? rows : columns;
    this.height = isTransposed ? columns : rows;
    if (this.#image?.width !== this.width || this.#image.height !== this.height) {
      this.#canvas.width = this.width;
      this.#canvas.height = this.height;
      this.#image = new ImageData(this.width, this.height);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    if (filledRows < rows) pixels.fill(0);
    const { signed, overflow } = palette;
    const perUnit = 127 / limit;
    const rowStride = isTransposed ? 1 : this.width;
    const columnStride = isTransposed ? this.width : 1;
    for (let row = 0; row < filledRows; row++) {
      const source = row * columns;
      let target = row * rowStride;
      for (let column = 0; column < columns; column++, target += columnStride) {
        const value = /** @type {number} */ (values[source + column]);
        const level = value * perUnit + 127;
        // NaN fails both comparisons and lands in the last branch, with the infinities.
        if (level >= 0 && level <= 254) pixels[target] = /** @type {number} */ (signed[level + 0.5 | 0]);
        else if (Number.isFinite(value)) pixels[target] = /** @type {number} */ (signed[value < 0 ? 0 : 254]);
        else pixels[target] = /** @type {number} */ (overflow[value === -Infinity ? 0 : value === Infinity ? 2 : 1]);
      }
    }
    this.#canvas.getContext("2d")?.putImageData(this.#image, 0, 0);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} x @param {number} y @param {number} width @param {number} height  where the whole matrix lies
   */
  paint(context, x, y, width, height) {
    if (!this.width || !this.height) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#canvas, x, y, width, height);
  }

  /**
   * A part of the matrix alone.
   * @param {CanvasRenderingContext2D} context
   * @param {{x: number, y: number, width: number, height: number}} part  in the raster's own pixels
   * @param {number} x @param {number} y @param {number} width @param {number} height  where it lies
   */
  paintPart(context, part, x, y, width, height) {
    if (!this.width || !this.height) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#canvas, part.x, part.y, part.width, part.height, x, y, width, height);
  }
}
