/** Lines over columns: a quantity's extremes as a band, its largest, or of a batch its mean, as a line; gaps where it isn't finite. */

import { stamp, textWidth } from "./stamps.js";

const HALO_PX = 4;

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../net/run.js").Series} Series */
/** @typedef {import("./panel.js").PlotPanel} PlotPanel */

/**
 * @typedef {object} Stroke
 * @property {string} colour
 * @property {number} width
 * @property {readonly number[]} [dash]
 * @property {number} [alpha]
 */

/**
 * @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {Run} run
 * @param {Series} series @param {Stroke} stroke
 */
export function paintSeries(context, panel, run, { low, high, mean }, { colour, width, dash = [], alpha = 1 }) {
  context.save();
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.lineJoin = "bevel";
  context.setLineDash([...dash]);
  const centre = (/** @type {number} */ column) => panel.px((run.stepOf(column) + 1 + run.stepOf(column + 1)) / 2);
  context.beginPath();
  let isDown = false;
  for (let column = 0; column < run.columns; column++) {
    const value = /** @type {number} */ ((mean ?? high)[column]);
    if (!Number.isFinite(value)) isDown = false;
    else if (isDown) context.lineTo(centre(column), panel.py(value));
    else {
      context.moveTo(centre(column), panel.py(value));
      // A lone point still shows: a round cap on a line of no length.
      context.lineTo(centre(column) + 0.01, panel.py(value));
      isDown = true;
    }
  }
  context.lineCap = "round";
  context.stroke();
  if (run.isBinned || mean) paintBand(context, panel, run, low, high, centre);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {Run} run
 * @param {Float64Array} low @param {Float64Array} high @param {(column: number) => number} centre
 */
function paintBand(context, panel, run, low, high, centre) {
  context.globalAlpha *= 0.35;
  context.setLineDash([]);
  context.beginPath();
  for (let column = 0; column < run.columns; column++) {
    const [bottom, top] = [/** @type {number} */ (low[column]), /** @type {number} */ (high[column])];
    if (!Number.isFinite(bottom) || !Number.isFinite(top)) continue;
    context.moveTo(centre(column), panel.py(bottom));
    context.lineTo(centre(column), panel.py(top));
  }
  context.stroke();
}

/**
 * A straight line in data coordinates.
 * @param {CanvasRenderingContext2D} context @param {PlotPanel} panel
 * @param {[number, number]} from @param {[number, number]} to @param {Stroke} stroke
 */
export function paintLine(context, panel, from, to, { colour, width, dash = [], alpha = 1 }) {
  context.save();
  context.strokeStyle = colour;
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.setLineDash([...dash]);
  context.beginPath();
  context.moveTo(panel.px(from[0]), panel.py(from[1]));
  context.lineTo(panel.px(to[0]), panel.py(to[1]));
  context.stroke();
  context.restore();
}

/**
 * Small text on a halo of the ground, readable over lines.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y
 * @param {import("./palette.js").Palette} palette
 * @param {{align?: "left" | "right" | "center", colour?: string}} [options]
 */
export function paintText(context, text, x, y, palette, { align = "left", colour = palette.quiet } = {}) {
  const font = `${palette.text_px}px ${palette.font}`;
  stamp(context, x, y, `${font} ${align} ${colour} ${palette.ground} ${text}`, () => {
    const width = textWidth(font, text) + HALO_PX;
    const right = align === "left" ? width : align === "right" ? HALO_PX : width / 2;
    return { left: width + HALO_PX - right, right, top: palette.text_px * 1.4, bottom: palette.text_px * 0.3 + HALO_PX };
  }, (made) => {
    made.font = font;
    made.textAlign = align;
    made.textBaseline = "bottom";
    made.lineWidth = HALO_PX;
    made.lineJoin = "round";
    made.strokeStyle = palette.ground;
    made.strokeText(text, 0, 0);
    made.fillStyle = colour;
    made.fillText(text, 0, 0);
  });
}

/** Smallest and largest finite value of some series. @param {readonly Series[]} all @returns {[number, number]} */
export function finiteExtent(all) {
  let min = Infinity;
  let max = -Infinity;
  for (const { low, high } of all) {
    for (const value of low) if (value < min && Number.isFinite(value)) min = value;
    for (const value of high) if (value > max && Number.isFinite(value)) max = value;
  }
  return [min, max];
}
