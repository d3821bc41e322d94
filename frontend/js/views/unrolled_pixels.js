/** The numbers in the unrolled network as pixels: states, inputs, and W_hh, whose picture is its mark wherever it is used. */
import { Raster } from "../render/raster.js";
import { Strips } from "../render/strips.js";
import { colourLimit } from "./hidden_states.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../net/run.js").AnyLayer} AnyLayer */
/** @typedef {import("../render/palette.js").Palette} Palette */

/** Of a larger matrix so many rows and columns, evenly taken, are enough for a mark. */
const MARK_CELLS = 16;

export class Pixels {
  /** Of every layer of the network, and the last one of c. */
  #strips = new Strips();
  #inputs = new Raster();
  #start = new Raster();
  #mark = new Raster();
  /** What the rasters were made of. @type {Record<"inputs" | "start" | "mark", readonly unknown[]>} */
  #of = { inputs: [], start: [], mark: [] };

  /**
   * The states of a layer in a stretch of steps, from 1, of which the run may hold only a part.
   * @param {CanvasRenderingContext2D} context @param {Run} run @param {Palette} palette @param {AnyLayer} name @param {number} layer
   * @param {number} first @param {number} last @param {number} x @param {number} y @param {number} width @param {number} height
   */
  states(context, run, palette, name, layer, first, last, x, y, width, height) {
    const { t0, t1 } = run.window;
    const [from, to] = [Math.max(first - 1, t0), Math.min(last, t1)];
    const values = run.layer(name);
    if (from >= to || !values.length) return;
    const filled = this.#strips.fill(name === "c" ? run.stack.length : layer, { name: "", run, values, rows: run.rowsOf(name), quantity: name, limit: () => colourLimit(run, name), problem: "" }, palette);
    if (!filled) return;
    const [start, end] = [run.columnOf(from), run.columnOf(to - 1) + 1];
    const each = width / (last - first + 1);
    filled.raster.paintPart(context, { x: start, y: 0, width: end - start, height: filled.raster.height }, x + (from - first + 1) * each, y, (to - from) * each, height);
  }

  /** The input of a step lying down, one cell a component. @param {CanvasRenderingContext2D} context @param {Run} run @param {Palette} palette @param {number} step @param {number} x @param {number} y @param {number} width @param {number} height */
  input(context, run, palette, step, x, y, width, height) {
    const input = run.input("x");
    const [columns = 0, D = 0] = input?.shape ?? [];
    const column = run.columnOf(step - 1);
    if (!input || step <= run.window.t0 || step > run.window.t1 || column >= columns) return;
    if (this.#isOther("inputs", [input.data, palette])) this.#inputs.fill(input.data, columns, D, largest(input.data), palette);
    this.#inputs.paintPart(context, { x: 0, y: column, width: D, height: 1 }, x, y, width, height);
  }

  /** h_0, standing. @param {CanvasRenderingContext2D} context @param {Run} run @param {Palette} palette @param {number} x @param {number} y @param {number} width @param {number} height */
  start(context, run, palette, x, y, width, height) {
    const start = run.input("h_0");
    if (!start) return;
    if (this.#isOther("start", [start.data, run, palette])) this.#start.fill(start.data, start.data.length, 1, colourLimit(run, "h"), palette);
    this.#start.paint(context, x, y, width, height);
  }

  /** W_hh as a small picture. @param {CanvasRenderingContext2D} context @param {Run} run @param {Palette} palette @param {number} x @param {number} y @param {number} size @returns {boolean} whether it is here */
  matrix(context, run, palette, x, y, size) {
    const W = run.W_hh;
    const [rows = 0, columns = 0] = W?.shape ?? [];
    if (!W || !rows || !columns) return false;
    if (this.#isOther("mark", [W.data, palette])) {
      const [tall, wide] = [Math.min(rows, MARK_CELLS), Math.min(columns, MARK_CELLS)];
      const taken = Float64Array.from({ length: tall * wide }, (_, k) => W.data[Math.floor((Math.floor(k / wide) * rows) / tall) * columns + Math.floor(((k % wide) * columns) / wide)] ?? NaN);
      this.#mark.fill(taken, tall, wide, largest(taken), palette);
    }
    this.#mark.paint(context, x, y, size, size);
    return true;
  }

  /** @param {"inputs" | "start" | "mark"} which @param {readonly unknown[]} parts */
  #isOther(which, parts) {
    if (parts.every((part, k) => part === this.#of[which][k])) return false;
    this.#of[which] = parts;
    return true;
  }
}

/** The largest finite size; 1 where there is none, since a scale needs one. @param {ArrayLike<number>} values */
function largest(values) {
  let most = 0;
  for (let k = 0; k < values.length; k++) {
    const size = Math.abs(values[k] ?? 0);
    if (size > most && Number.isFinite(size)) most = size;
  }
  return most || 1;
}
