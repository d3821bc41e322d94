/** The cells of the unrolled network, the states that they make, and what rises from layer to layer. */
import { plain } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { textWidth } from "../render/stamps.js";
import { paintArrow, paintSymbol } from "../render/symbols.js";
import { hasGates } from "../state/cells.js";
import { indexOf, legible, lit, outline, thin } from "./unrolled_frame.js";
import { PARTS } from "./unrolled_layout.js";
import { laneOf } from "./unrolled_places.js";

/** @typedef {import("./unrolled_frame.js").Frame} Frame */
/** @typedef {import("./unrolled_frame.js").Side} Side */
/** @typedef {import("./unrolled_layout.js").Slot} Slot */
/** @typedef {import("./unrolled_layout.js").Row} Row */

const ACTIVATIONS = Object.freeze({ tanh: "tanh", relu: "ReLU", linear: "id" });

/** From the state of the layer below up into this one's cell. @param {Frame} frame @param {Slot} slot @param {Row} row @param {number} alpha */
export function paintRise(frame, slot, row, alpha) {
  const { context, palette, layout, cone } = frame;
  const { e, rows } = layout;
  const below = rows[rows.indexOf(row) - 1];
  if (!below) return;
  const [from, to] = [cone?.state(slot.step, below.layer) ?? null, cone?.state(slot.step, row.layer) ?? null];
  const isLit = (from === "past" || from === "self") && (to === "past" || to === "self") ? "past" : (from === "self" || from === "future") && to === "future" ? "future" : null;
  const [x, top, bottom] = [slot.x + PARTS.column * e, row.y + PARTS.cell * e, below.y - PARTS.tall * e];
  context.globalAlpha = lit(frame, isLit, alpha);
  context.strokeStyle = palette.quiet;
  context.lineWidth = thin(frame) * (isLit ? 2 : 1);
  context.setLineDash(row.layer - below.layer > 1 ? [2, 3] : []);
  context.beginPath();
  context.moveTo(x, bottom);
  context.bezierCurveTo(x, bottom - 0.9 * e, slot.x, top + 1.2 * e, slot.x, top + 4);
  context.stroke();
  context.setLineDash([]);
  paintArrow(context, top + 5, top, slot.x, thin(frame), palette.quiet, true);
}

/** @param {Frame} frame @param {Slot} slot @param {Row} row @param {number} alpha */
export function paintCell(frame, slot, row, alpha) {
  const { context, palette, layout: { e }, t, experiment: { cell }, cone } = frame;
  const half = PARTS.cell * e;
  const side = cone?.state(slot.step, row.layer) ?? null;
  const isCurrent = slot.step === t;
  context.globalAlpha = lit(frame, side, alpha);
  context.fillStyle = isCurrent ? palette.ink : palette.ground;
  context.strokeStyle = palette.ink;
  context.lineWidth = thin(frame);
  context.beginPath();
  context.roundRect(slot.x - half, row.y - half, 2 * half, 2 * half, 0.35 * e);
  context.fill();
  context.stroke();
  const colour = isCurrent ? palette.ground : palette.ink;
  if (hasGates(cell)) paintGate(frame, slot.x, row.y - PARTS.lane * e, colour);
  const name = cell.kind === "elman" ? ACTIVATIONS[cell.activation] : cell.kind === "attention" ? "q k v" : cell.kind.toUpperCase();
  const size = Math.min(palette.text_px, (palette.text_px * 1.9 * half) / textWidth(`${palette.text_px}px ${palette.font}`, name));
  if (size >= 7.5) {
    context.font = `${size}px ${palette.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colour;
    context.fillText(name, slot.x, row.y + (hasGates(cell) ? 0.35 * e : 0));
  }
  paintState(frame, slot, row, side);
}

/** × of a gate on its lane. @param {Frame} frame @param {number} x @param {number} y @param {string} colour */
function paintGate(frame, x, y, colour) {
  const { context, layout: { e } } = frame;
  const size = 0.22 * e;
  context.strokeStyle = colour;
  context.lineWidth = thin(frame);
  context.beginPath();
  context.moveTo(x - PARTS.cell * e, y);
  context.lineTo(x - 2 * size, y);
  context.moveTo(x + 2 * size, y);
  context.lineTo(x + PARTS.cell * e, y);
  for (const way of [-1, 1]) {
    context.moveTo(x - size, y - way * size);
    context.lineTo(x + size, y + way * size);
  }
  context.stroke();
}

/** h_t as a column of its units; of an LSTM c_t over it. @param {Frame} frame @param {Slot} slot @param {Row} row @param {Side} side */
function paintState(frame, slot, row, side) {
  const { context, palette, layout: { e, rows }, run, experiment: { cell }, pixels, t } = frame;
  const [x, wide, tall] = [slot.x + (PARTS.column - PARTS.columnHalf) * e, 2 * PARTS.columnHalf * e, PARTS.tall * e];
  const isLstm = cell.kind === "lstm";
  const name = rows.length === 1 || row === rows.at(-1) ? "h" : /** @type {const} */ (`h_l${row.layer}`);
  paintArrow(context, slot.x + PARTS.cell * e, x, row.y + laneOf(frame.experiment) * e, thin(frame), palette.ink);
  /** @type {Array<[import("../net/run.js").AnyLayer, number, number]>} */
  const parts = isLstm ? [["c", row.y - tall, tall * 0.94], [name, row.y + 0.06 * tall, tall * 0.94]] : [[name, row.y - tall, 2 * tall]];
  for (const [what, y, height] of parts) {
    context.fillStyle = palette.ground;
    context.fillRect(x, y, wide, height);
    if (run && !(what === "c" && rows.length > 1)) pixels.states(context, run, palette, what, row.layer, slot.step, slot.step, x, y, wide, height);
    outline(frame, x, y, wide, height, side === "self");
  }
  const colour = slot.step === t || side === "self" ? palette.ink : palette.quiet;
  const value = run && run.H === 1 && rows.length === 1 && slot.step === t ? run.layer("h")[run.columnOf(slot.step - 1)] : undefined;
  // Between layers there is no room for names: those below are enough.
  if (row !== rows[0]) return;
  context.globalAlpha *= legible(frame, slot.step);
  const y = row.y + tall + 1.05 * palette.text_px;
  const middle = x + wide / 2 - (value === undefined ? 0 : 0.9 * palette.text_px);
  paintSymbol(context, palette, "h", indexOf(frame, slot.step), middle, y, colour);
  if (value !== undefined) paintText(context, `= ${plain(value, 2)}`, middle + 1.1 * palette.text_px, y + 0.3 * palette.text_px, palette, { colour });
}
