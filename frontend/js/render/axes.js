/**
 * A panel's axes on a canvas: as long as no pointer has come to a picture and brought Plotly, and in
 * pictures that an embed is asked for. The same ticks, words and places as Plotly's, as far as they go.
 */
import { plain, superscript } from "./format.js";
import { roundUp } from "./scale.js";

/** @typedef {import("./panel.js").PlotPanel} PlotPanel */
/** The part of Plotly's axis options that is drawn here. @typedef {{title?: {text: string}, showgrid?: boolean, tickprefix?: string, nticks?: number, tickvals?: readonly number[], ticktext?: readonly string[]}} AxisOptions */

const TICK_PX = 4;
const GAP_PX = 3;
/** What an axis shows if nothing says how many: a number for so many pixels, as Plotly does. */
const PX_PER_TICK = Object.freeze({ x: 80, y: 40 });
/** Nearer to one another numbers run together. */
const LEAST_EM = Object.freeze({ x: 3.5, y: 1.7 });

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
  const { palette } = panel.scene;
  context.save();
  context.font = `${palette.text_px}px ${palette.font}`;
  context.lineWidth = 1;
  context.strokeStyle = palette.hairline;
  context.fillStyle = palette.quiet;
  paintX(context, panel);
  paintY(context, panel);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {PlotPanel} panel */
function paintX(context, panel) {
  const { area, scene: { palette: { text_px: size } } } = panel;
  const axis = /** @type {AxisOptions} */ (panel.options.xaxis);
  const bottom = area.y + area.height;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const { value, text } of ticksOf(panel, "x", axis, area.width)) {
    const x = Math.round(panel.px(value)) + 0.5;
    if (axis.showgrid !== false) line(context, x, area.y, x, bottom);
    line(context, x, bottom, x, bottom + TICK_PX);
    context.fillText(text, x, bottom + TICK_PX + GAP_PX);
  }
  if (axis.title) context.fillText(axis.title.text, area.x + area.width / 2, bottom + TICK_PX + GAP_PX + 1.25 * size);
}

/** @param {CanvasRenderingContext2D} context @param {PlotPanel} panel */
function paintY(context, panel) {
  const { area, scene: { palette: { text_px: size } } } = panel;
  const axis = /** @type {AxisOptions} */ (panel.options.yaxis);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { value, text } of panel.hasYTicks || panel.ticks.y ? ticksOf(panel, "y", axis, area.height) : []) {
    const y = Math.round(panel.py(value)) + 0.5;
    if (axis.showgrid !== false) line(context, area.x, y, area.x + area.width, y);
    line(context, area.x - TICK_PX, y, area.x, y);
    context.fillText(text, area.x - TICK_PX - GAP_PX, Math.max(y, size * 0.6)); // none is cut by the panel's edge
  }
  if (!axis.title || panel.ticks.y) return;
  context.translate(0.75 * size + 2, area.y + area.height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(axis.title.text, 0, 0);
}

/** Names where the panel has them, else round numbers. @param {PlotPanel} panel @param {"x" | "y"} name @param {AxisOptions} axis @param {number} length in pixels */
function ticksOf({ ticks, options: { integers }, scene: { palette }, xRange, yRange }, name, axis, length) {
  const named = ticks[name];
  if (named) return named.places.map((value, k) => ({ value, text: unescaped(named.names[k] ?? "") }));
  const [from, to] = name === "x" ? xRange : yRange;
  if (axis.tickvals) return axis.tickvals.map((value, k) => ({ value, text: axis.ticktext?.[k] ?? "" })).filter(({ value }) => value >= Math.min(from, to) && value <= Math.max(from, to));
  const wanted = integers?.[name] ?? axis.nticks ?? Math.min(Math.max(length / PX_PER_TICK[name], 4), 9) + 1;
  const count = Math.min(wanted, Math.max(1, length / (LEAST_EM[name] * palette.text_px)));
  return ticksIn([from, to], count, integers?.[name] !== undefined).map((value) => ({ value, text: tickText(value, axis) }));
}

/** Names of ticks are written for Plotly, which reads tags. @param {string} text */
const unescaped = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

/** @param {number} value @param {AxisOptions} axis */
function tickText(value, { tickprefix }) {
  if (tickprefix?.startsWith("10")) return `10${superscript(value)}`;
  return Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value).replace("-", "−") : plain(value, 4);
}

/** @param {CanvasRenderingContext2D} context @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
