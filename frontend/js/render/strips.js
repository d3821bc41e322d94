/** Heat maps under one another over one time axis, each named at its corner; a single one fills its panel. */
import { paintText } from "./lines.js";
import { Raster } from "./raster.js";
import { textWidth } from "./stamps.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("./panel.js").PlotPanel} PlotPanel */

/**
 * @typedef {object} Strip
 * @property {string} name         at its corner; "" where it stands alone
 * @property {Run | null} run
 * @property {Float32Array | Float64Array} values  [columns, rows], as far as they are here
 * @property {number} rows
 * @property {string} quantity     whose values they are
 * @property {() => number} limit  the size that gets the full colour
 * @property {string} [mark]       what its last step is; it is outlined then
 * @property {string} problem      why there is nothing to see; "" where there is
 */

/** @typedef {{raster: Raster, values: Strip["values"], end: number, palette: import("./palette.js").Palette, limit: number}} Filled */

/** Between two strips, in heights of one. */
const GAP = 0.06;

/** The y axis of so many strips: one unit a strip, and gaps. @param {number} count @returns {[number, number]} from the bottom to the top */
export const rangeOfStrips = (count) => [count + (count - 1) * GAP, 0];

/** Where the middle of a row is on that axis. @param {number} strip @param {number} row from 0 @param {number} rows */
export const placeOfRow = (strip, row, rows) => strip * (1 + GAP) + (row + 0.5) / rows;

export class Strips {
  /** @type {Filled[]} */
  #filled = [];

  /** Turns values into pixels, once for each run and theme. @param {number} k @param {Strip} strip @param {import("./palette.js").Palette} palette @returns {Filled | null} */
  fill(k, { run, values, rows, limit }, palette) {
    if (!run || !values.length) return null;
    const kept = this.#filled[k];
    if (kept && kept.values === values && kept.end === run.statesEnd && kept.palette === palette) return kept;
    const raster = kept?.raster ?? new Raster();
    const made = { raster, values, end: run.statesEnd, palette, limit: limit() };
    raster.fill(values, run.columns, rows, made.limit, palette, { isTransposed: true, filledRows: run.statesEnd });
    this.#filled[k] = made;
    return made;
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {readonly Strip[]} strips
   * @param {(strip: Strip, limit: number) => string} label  at the corner of one of several
   */
  paint(context, panel, strips, label) {
    const { area, scene: { palette } } = panel;
    const unit = area.height / rangeOfStrips(strips.length)[0];
    strips.forEach((strip, k) => {
      // On whole pixels, or the rows at an edge would be mixed with the gap.
      const top = area.y + (strips.length === 1 ? 0 : Math.round(k * (1 + GAP) * unit));
      const height = strips.length === 1 ? area.height : Math.round(unit);
      const filled = this.fill(k, strip, palette);
      if (filled && strip.run) {
        const left = panel.px(strip.run.window.t0 + 0.5);
        filled.raster.paint(context, left, top, panel.px(strip.run.window.t1 + 0.5) - left, height);
        if (strip.mark && strip.run.window.t1 === strip.run.T) paintMark(context, panel, strip.run.T, strip.mark, top, height);
      }
      if (k) {
        context.fillStyle = palette.hairline;
        context.fillRect(area.x, Math.round(top - (GAP * unit) / 2 - 0.5), area.width, 1);
      }
      if (!strip.name) return;
      const text = label(strip, filled?.limit ?? NaN);
      // In a low strip letters are small, so that the next one's don't lie on them, and in a narrow one all are there.
      const wide = textWidth(`${palette.text_px}px ${palette.font}`, text);
      const text_px = Math.min(palette.text_px, height / 1.5, (palette.text_px * (area.width - 10)) / wide);
      paintLabel(context, text, area.x, top, { ...palette, text_px }, strip.problem ? palette.explode : palette.ink);
    });
  }
}

/** An outline around the last step, and what it is. @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {number} T @param {string} mark @param {number} top @param {number} height */
function paintMark(context, panel, T, mark, top, height) {
  const { palette } = panel.scene;
  const right = panel.px(T + 0.5);
  const width = Math.max(right - panel.px(T - 0.5), 4);
  context.strokeStyle = palette.ink;
  context.lineWidth = 2;
  context.strokeRect(right - width, top + 1, width - 1, height - 2);
  const text_px = Math.min(palette.text_px, height / 1.5);
  const wide = textWidth(`${text_px}px ${palette.font}`, mark) + 10;
  paintLabel(context, mark, right - width - 4 - wide, top, { ...palette, text_px }, palette.ink);
}

/** A halo alone would drown in the colours: the name stands on a plate of the ground. @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y @param {import("./palette.js").Palette} palette @param {string} colour */
function paintLabel(context, text, x, y, palette, colour) {
  const { text_px, font, ground } = palette;
  context.globalAlpha = 0.85;
  context.fillStyle = ground;
  context.fillRect(x, y, textWidth(`${text_px}px ${font}`, text) + 10, text_px * 1.45);
  context.globalAlpha = 1;
  paintText(context, text, x + 5, y + text_px * 1.3, palette, { colour });
}
