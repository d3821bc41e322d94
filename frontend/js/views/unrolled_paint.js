/** Paints the network, folded, unrolled, or on the way between: every step's way in, and the one W_hh on it. */
import { whole } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { textWidth } from "../render/stamps.js";
import { strengthOf } from "../render/strength.js";
import { paintArrow, paintSymbol } from "../render/symbols.js";
import { hasGates } from "../state/cells.js";
import { paintBeams } from "./unrolled_beams.js";
import { paintCell, paintRise } from "./unrolled_cells.js";
import { paintInput, paintOutput } from "./unrolled_ends.js";
import { lit, outline, thin } from "./unrolled_frame.js";
import { PARTS } from "./unrolled_layout.js";
import { laneOf, matrixPlace, sourceX, traceWay } from "./unrolled_places.js";
import { paintRibbons } from "./unrolled_ribbons.js";
import { matrixName, shareAt, shortPercent } from "./unrolled_words.js";

/** @typedef {import("./unrolled_frame.js").Frame} Frame */
/** @typedef {import("./unrolled_frame.js").Side} Side */
/** @typedef {import("./unrolled_layout.js").Slot} Slot */
/** @typedef {import("./unrolled_layout.js").Row} Row */

/** @param {Frame} frame */
export function paintNetwork(frame) {
  const { layout: { slots, unroll }, t, experiment } = frame;
  if (experiment.cell.kind === "attention") paintReading(frame);
  paintBeams(frame);
  paintRibbons(frame);
  const others = Math.min(1, 5 * unroll);
  // What is nearest to the cursor lies on top, as long as copies lie on one another.
  const order = slots.toSorted((a, b) => Math.abs(b.step - t) - Math.abs(a.step - t));
  for (const slot of order) if (slot.step === t || others > 0) paintStep(frame, slot, slot.step === t ? 1 : others);
  paintShared(frame);
}

/** @param {Frame} frame @param {Slot} slot @param {number} alpha */
function paintStep(frame, slot, alpha) {
  const { layout: { rows } } = frame;
  for (const row of rows) {
    if (frame.experiment.cell.kind !== "attention") paintWay(frame, slot, row, alpha);
    paintMatrix(frame, slot, row, alpha);
    if (row !== rows[0]) paintRise(frame, slot, row, alpha);
    paintCell(frame, slot, row, alpha);
  }
  paintInput(frame, slot, alpha);
  paintOutput(frame, slot, alpha);
  frame.context.globalAlpha = 1;
}

/** Whether the way into a state lies in the cone, and on which side. @param {Frame} frame @param {number} step @param {number} layer @returns {Side} */
function sideOfWay({ cone }, step, layer) {
  if (!cone) return null;
  const [from, to] = [step === 1 ? "past" : cone.state(step - 1, layer), cone.state(step, layer)];
  if (to === "past" || to === "self") return "past";
  return from === "self" || from === "future" ? "future" : null;
}

/** How the state before comes in, through W_hh, and with gates beside it. @param {Frame} frame @param {Slot} slot @param {Row} row @param {number} alpha */
function paintWay(frame, slot, row, alpha) {
  const { context, palette, layout, experiment, isPlaying, strength, t } = frame;
  const { e, unroll } = layout;
  const side = sideOfWay(frame, slot.step, row.layer);
  const lane = row.y + laneOf(experiment) * e;
  const end = slot.x - PARTS.cell * e;
  // Past the first step the loop is closed; h_0 comes in from outside.
  const isStart = slot.step === 1;
  const from = isStart && unroll === 0 ? layout.centre + (PARTS.column + PARTS.columnHalf) * e : sourceX(frame, slot);
  const measured = strength && side ? strengthOf(strength(side === "past" ? Math.max(slot.step - 1, 1) : slot.step), palette) : null;
  const weight = measured ? Math.max(thin(frame), measured.thickness * 0.9 * e) : side || (isPlaying && slot.step === t && unroll < 1) ? 2 * thin(frame) : thin(frame);
  context.globalAlpha = lit(frame, side, alpha);
  context.strokeStyle = measured?.colour ?? palette.ink;
  context.lineWidth = weight;
  context.beginPath();
  const place = isStart && unroll > 0 ? { x: slot.x + PARTS.matrix * e, y: lane } : matrixPlace(frame, slot, row);
  traceWay(context, isStart && unroll > 0 ? { e, unroll: 1 } : layout, from, lane, place, end - 3, lane);
  context.stroke();
  paintArrow(context, end - Math.max(5, weight), end, lane, weight, measured?.colour ?? palette.ink);
  if (unroll === 0 && row === layout.rows.at(-1)) paintSymbol(context, palette, "h", "t−1", end - 2.2 * e, lane + 1.3 * palette.text_px, palette.quiet);
  if (isStart && unroll > 0) paintStart(frame, slot, row, alpha * unroll);
  if (hasGates(experiment.cell)) paintDirect(frame, slot, row, from, lit(frame, side, alpha));
}

/** What a gate lets through without W_hh: c by f, h by z. @param {Frame} frame @param {Slot} slot @param {Row} row @param {number} from @param {number} alpha */
function paintDirect(frame, slot, row, from, alpha) {
  const { context, palette, layout, experiment } = frame;
  const { e, unroll } = layout;
  const y = row.y - PARTS.lane * e;
  const end = slot.x + (PARTS.column - PARTS.columnHalf) * e;
  context.globalAlpha = alpha;
  context.strokeStyle = palette.ink;
  context.lineWidth = thin(frame);
  context.beginPath();
  const over = { x: frame.middle, y: layout.matrixY + 2.2 * e };
  const through = { x: over.x + (slot.x - over.x) * unroll, y: over.y + (y - over.y) * unroll };
  traceWay(context, layout, from, y, through, slot.x, y, 0.5);
  context.lineTo(end, y);
  context.stroke();
}

/** @param {Frame} frame @param {Slot} slot @param {Row} row @param {number} alpha */
function paintStart(frame, slot, row, alpha) {
  const { context, palette, layout: { e, rows }, pixels, run } = frame;
  const x = slot.x + (PARTS.start - PARTS.columnHalf) * e;
  context.globalAlpha = lit(frame, frame.cone ? sideOfWay(frame, 1, row.layer) : null, alpha);
  context.fillStyle = palette.ground;
  context.fillRect(x, row.y - PARTS.tall * e, 2 * PARTS.columnHalf * e, 2 * PARTS.tall * e);
  if (run && row.layer === 0) pixels.start(context, run, palette, x, row.y - PARTS.tall * e, 2 * PARTS.columnHalf * e, 2 * PARTS.tall * e);
  outline(frame, x, row.y - PARTS.tall * e, 2 * PARTS.columnHalf * e, 2 * PARTS.tall * e, false);
  // In a low gap a name would lie on what rises through it.
  if (rows.length > 1 && (row === rows.at(-1) || e > 0.6 * palette.text_px)) paintText(context, `layer ${row.layer + 1}`, x, row.y - PARTS.tall * e - 1, palette);
  if (row === rows[0]) paintSymbol(context, palette, "h", 0, x + PARTS.columnHalf * e, row.y + PARTS.tall * e + 1.05 * palette.text_px, palette.quiet);
}

/** This step's copy of W_hh. @param {Frame} frame @param {Slot} slot @param {Row} row @param {number} alpha */
function paintMatrix(frame, slot, row, alpha) {
  const { context, palette, layout, run, t, cone, experiment } = frame;
  const { e, unroll } = layout;
  const isTop = row === layout.rows.at(-1);
  if (isTop && unroll === 0) return; // it is the one above
  const { x, y } = matrixPlace(frame, slot, row);
  const half = PARTS.matrixHalf * e;
  context.globalAlpha = lit(frame, sideOfWay(frame, slot.step, row.layer), alpha);
  paintMark(frame, row.layer, x, y, half);
  const share = isTop && slot.step === t && !cone && run ? shareAt(run, t) : null;
  // Over the lane that goes by the gate, too.
  if (share && unroll === 1) paintText(context, shortPercent(share.decades), x, y - half - 2 - laneOf(experiment) * e, palette, { align: "center", colour: palette.ink });
}

/** The picture of a layer's recurrent weights; where they aren't here, a plain tile with their name. @param {Frame} frame @param {number} layer @param {number} x @param {number} y @param {number} half */
function paintMark(frame, layer, x, y, half) {
  const { context, palette, run, pixels } = frame;
  context.fillStyle = palette.ground;
  context.fillRect(x - half, y - half, 2 * half, 2 * half);
  // The server sends the first layer's alone.
  if (layer > 0 || !run || !pixels.matrix(context, run, palette, x - half, y - half, 2 * half)) {
    context.fillStyle = palette.hairline;
    context.fillRect(x - half, y - half, 2 * half, 2 * half);
  }
  outline(frame, x - half, y - half, 2 * half, 2 * half, false);
}

/** The one matrix that all steps use, above them all. @param {Frame} frame */
function paintShared(frame) {
  const { context, palette, layout, middle, experiment } = frame;
  const { e, matrixY, unroll, rows } = layout;
  const half = 1.2 * e;
  context.globalAlpha = 1;
  paintMark(frame, rows.at(-1)?.layer ?? 0, middle, matrixY, half);
  outline(frame, middle - half, matrixY - half, 2 * half, 2 * half, true);
  const [symbol = "W", index = ""] = matrixName(experiment).split("_");
  const font = `${palette.text_px}px ${palette.font}`;
  const [x, gap, named] = [middle + half, 0.6 * palette.text_px, textWidth(font, symbol + index)];
  paintSymbol(context, palette, symbol, index, x + gap + named / 2, matrixY + 0.35 * palette.text_px, palette.ink);
  if (unroll < 1) return;
  const { cell, steps } = experiment;
  const words = `${cell.layers > 1 ? `of layer ${cell.layers}: ` : ""}one matrix, ${steps === 1 ? "used once" : `used ${whole(steps)} times`}`;
  const room = middle - half - gap;
  const base = matrixY + 0.65 * palette.text_px;
  if (textWidth(font, words) + named + gap < room) paintText(context, words, x + 1.6 * gap + named, base, palette);
  const light = "light: each step’s share of its gradient";
  if (!frame.cone && textWidth(font, light) < room) paintText(context, light, middle - half - gap, base, palette, { align: "right" });
}

/** How attention comes to the inputs: all of them at once. @param {Frame} frame */
function paintReading(frame) {
  const { context, palette, layout: { slots, ribbons, rows, e, xOf }, t } = frame;
  const row = rows[0];
  const at = slots.find(({ step }) => step === t);
  if (!row || !at) return;
  const y = row.y - PARTS.cell * e;
  context.strokeStyle = palette.ink;
  context.lineWidth = 1;
  const sources = slots.filter(({ step }) => step < t).map(({ x }) => ({ x, y, alpha: 0.55 }));
  for (const { first, last } of ribbons) {
    const shown = Math.min(last, t - 1) - first + 1;
    const stride = Math.max(1, Math.ceil(shown / 24)); // in moderation: the others would be a blot
    for (let step = first; step < first + shown; step += stride) sources.push({ x: xOf(step), y: row.y - PARTS.tall * e, alpha: 0.25 });
  }
  for (const { x, y: from, alpha } of sources) {
    const rise = Math.min(0.5 * e + 0.12 * (at.x - x), 3.2 * e);
    context.globalAlpha = alpha;
    context.beginPath();
    context.moveTo(x, from);
    context.bezierCurveTo(x, from - rise, at.x - 0.3 * e, y - rise, at.x, y);
    context.stroke();
  }
  context.globalAlpha = 1;
}
