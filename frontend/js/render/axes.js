/**
 * A panel's axes on a canvas: where Plotly isn't there, in an embed that nobody has pointed at yet,
 * and in pictures that are taken. The same ticks, words and places as Plotly's, as far as they go.
 */
import { plain, superscript } from "./format.js";
import { roundUp } from "./scale.js";

/** @typedef {import("./panel.js").PlotPanel} PlotPanel */
/** The part of Plotly's axis options that is drawn here. @typedef {{title?: {text: string}, showgrid?: boolean, tickprefix?: string, nticks?: number}} AxisOptions */

const TICK_PX = 4;
/** What an axis shows if nothing says how many: a number for so many em. */
const EM_PER_TICK = Object.freeze({ x: 7, y: 4 });

/** Round numbers inside a range. @param {readonly [number, number]} range @param {number} count about so many @param {boolean} isWhole */
export function ticksIn([from, to], count, isWhole) {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const step = Math.max(roundUp((high - low) / Math.max(count, 1)), isWhole ? 1 : 0);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - first + 1) }, (_, k) => {
    const value = (first + k) * step;
    return Math.abs(value) < step * 1e-9 ? 0 : Number(value.toPrecision(12));
  });
}

/** @param {CanvasRenderingContext2D} context whose origin is the corner of the panel's body @param {PlotPanel} panel */
export function paintAxes(context, panel) {
  const { area, options, scene: { palette } } = panel;
  const [xAxis, yAxis] = /** @type {AxisOptions[]} */ ([options.xaxis, options.yaxis]);
  const size = palette.text_px;
  context.save();
  context.font = `${size}px ${palette.font}`;
  context.lineWidth = 1;
  context.strokeStyle = palette.hairline;
  context.fillStyle = palette.quiet;
  const [bottom, right] = [area.y + area.height, area.x + area.width];
  const count = (/** @type {"x" | "y"} */ name, /** @type {AxisOptions | undefined} */ axis, /** @type {number} */ length) =>
    Math.min(options.integers?.[name] ?? axis?.nticks ?? Infinity, Math.max(1, length / (EM_PER_TICK[name] * size)));

  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of ticksIn(panel.xRange, count("x", xAxis, area.width), options.integers?.x !== undefined)) {
    const x = Math.round(panel.px(value)) + 0.5;
    if (xAxis?.showgrid !== false) line(context, x, area.y, x, bottom);
    line(context, x, bottom, x, bottom + TICK_PX);
    context.fillText(tickText(value, xAxis), x, bottom + TICK_PX + 3);
  }
  if (xAxis?.title) context.fillText(xAxis.title.text, area.x + area.width / 2, bottom + TICK_PX + 3 + 1.25 * size);

  context.textAlign = "right";
  context.textBaseline = "middle";
  if (panel.hasYTicks) {
    for (const value of ticksIn(panel.yRange, count("y", yAxis, area.height), options.integers?.y !== undefined)) {
      const y = Math.round(panel.py(value)) + 0.5;
      if (yAxis?.showgrid !== false) line(context, area.x, y, right, y);
      line(context, area.x - TICK_PX, y, area.x, y);
      context.fillText(tickText(value, yAxis), area.x - TICK_PX - 3, y);
    }
  }
  if (yAxis?.title) {
    context.translate(0.75 * size + 2, area.y + area.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(yAxis.title.text, 0, 0);
  }
  context.restore();
}

/** @param {number} value @param {AxisOptions | undefined} axis */
const tickText = (value, axis) => (axis?.tickprefix?.startsWith("10") ? `10${superscript(value)}` : Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value).replace("-", "−") : plain(value, 4));

/** @param {CanvasRenderingContext2D} context @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
