/** The steps that have no room as cells: their states as they are, side by side, with how many they are. */
import { paintText } from "../render/lines.js";
import { textWidth } from "../render/stamps.js";
import { strengthOf } from "../render/strength.js";
import { paintArrow } from "../render/symbols.js";
import { whole } from "../render/format.js";
import { PARTS } from "./unrolled_layout.js";
import { lit, thin } from "./unrolled_frame.js";
import { laneOf } from "./unrolled_places.js";

/** @typedef {import("./unrolled_frame.js").Frame} Frame */
/** @typedef {import("./unrolled_layout.js").Ribbon} Ribbon */
/** @typedef {import("./unrolled_layout.js").Row} Row */

/** @param {Frame} frame */
export function paintRibbons(frame) {
  const { context, layout: { ribbons, rows, unroll } } = frame;
  if (unroll === 0) return;
  for (const ribbon of ribbons) {
    for (const row of rows) paintRibbon(frame, ribbon, row);
    context.globalAlpha = unroll;
    paintCount(frame, ribbon);
  }
  context.globalAlpha = 1;
}

/** @param {Frame} frame @param {Ribbon} ribbon @param {Row} row */
function paintRibbon(frame, ribbon, row) {
  const { context, palette, layout, run, cone, pixels, experiment } = frame;
  const { e, unroll, rows, slots } = layout;
  const [left, wide] = [ribbon.left, ribbon.right - ribbon.left];
  const [top, tall] = [row.y - PARTS.tall * e, 2 * PARTS.tall * e];
  // All condensed steps lie on one side of what was chosen, or it is among them.
  const side = cone ? (cone.state(ribbon.first, row.layer) ?? cone.state(ribbon.last, row.layer)) : null;
  context.globalAlpha = lit(frame, side, unroll ** 2);
  context.fillStyle = palette.ground;
  context.fillRect(left, top, wide, tall);
  const name = row === rows.at(-1) ? "h" : /** @type {const} */ (`h_l${row.layer}`);
  if (run) pixels.states(context, run, palette, name, row.layer, ribbon.first, ribbon.last, left, top, wide, tall);
  context.strokeStyle = palette.quiet;
  context.lineWidth = 1;
  context.strokeRect(left, top, wide, tall);
  const before = slots.findLast(({ step }) => step < ribbon.first);
  if (before && experiment.cell.kind !== "attention") paintArrow(context, before.x + (PARTS.column + PARTS.columnHalf) * e, left, row.y + laneOf(experiment) * e, thin(frame), palette.ink);
  if (cone && row.layer === cone.layer) paintStrengths(frame, ribbon, top + tall);
}

/** Of a cone: how strongly each of these steps acts, and which of them was chosen. @param {Frame} frame @param {Ribbon} ribbon @param {number} y */
function paintStrengths(frame, ribbon, y) {
  const { context, palette, layout: { e }, cone, strength } = frame;
  const [left, right] = [Math.round(ribbon.left), Math.round(ribbon.right)];
  const perPixel = (ribbon.last - ribbon.first + 1) / Math.max(right - left, 1);
  for (let x = left; strength && x < right; x++) {
    const { colour, thickness } = strengthOf(strength(ribbon.first + Math.floor((x - left) * perPixel)), palette);
    context.globalAlpha = 1;
    context.fillStyle = colour;
    context.fillRect(x, y + 2, 1, Math.max(1, 1.3 * e * thickness));
  }
  if (!cone || cone.t < ribbon.first || cone.t > ribbon.last) return;
  const x = left + (cone.t - ribbon.first + 0.5) / perPixel;
  context.globalAlpha = 1;
  context.fillStyle = palette.ink;
  context.fillRect(x - 1, y - 2 * PARTS.tall * e - 3, 2, 2 * PARTS.tall * e + 6);
}

/** How many steps these are, and which. @param {Frame} frame @param {Ribbon} ribbon */
function paintCount(frame, { first, last, left, right }) {
  const { context, palette, layout: { rows: [row], e } } = frame;
  if (!row) return;
  const count = last - first + 1;
  const font = `${palette.text_px}px ${palette.font}`;
  const forms = [`${whole(count)} more`, whole(count), "…"];
  const middle = (left + right) / 2;
  const text = forms.find((form) => textWidth(font, form) + 8 < right - left) ?? "…";
  const half = textWidth(font, text) / 2 + 4;
  const y = row.y;
  context.fillStyle = palette.ground;
  context.globalAlpha *= 0.85;
  context.fillRect(middle - half, y - 0.75 * palette.text_px, 2 * half, 1.5 * palette.text_px);
  context.globalAlpha /= 0.85;
  paintText(context, text, middle, y + 0.65 * palette.text_px, palette, { align: "center", colour: palette.ink });
  const which = first === last ? String(first) : `${first} … ${last}`;
  if (!frame.cone && textWidth(font, which) < right - left - e) paintText(context, which, middle, y + PARTS.tall * e + 1.4 * palette.text_px, palette, { align: "center" });
}
