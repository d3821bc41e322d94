/** What goes into a step of the unrolled network and what is made of its state: x_t below, y_t, the loss and the way back above. */
import { plain } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { textWidth } from "../render/stamps.js";
import { paintArrow, paintSymbol } from "../render/symbols.js";
import { fitting } from "../render/token_text.js";
import { generates } from "../state/forms.js";
import { influenceAt } from "./unrolled_cone.js";
import { PARTS } from "./unrolled_layout.js";
import { indexOf, legible, lit, thin } from "./unrolled_frame.js";
import { mix } from "./unrolled_places.js";
import { nameOfInput, shortPower } from "./unrolled_words.js";

/** @typedef {import("./unrolled_frame.js").Frame} Frame */
/** @typedef {import("./unrolled_layout.js").Slot} Slot */

/** @param {Frame} frame @param {Slot} slot @param {number} alpha */
export function paintInput(frame, slot, alpha) {
  const { context, palette, layout, run, cone, t } = frame;
  const { e, inputY, rows: [row], hasValues, unroll, spacing } = layout;
  if (!row) return;
  const side = cone?.input(slot.step) ?? null;
  const em = palette.text_px;
  context.globalAlpha = lit(frame, side, alpha * legible(frame, slot.step));
  const bottom = row.y + PARTS.cell * e;
  const start = inputY - 1.05 * em;
  paintArrow(context, start, bottom, slot.x, thin(frame) * (side ? 2 : 1), side ? palette.ink : palette.quiet, true);
  // Between the state before and this one's input there may be no room for a name.
  const hasName = unroll === 0 || (slot.step === t && spacing - PARTS.column * e > 5 * em && start - bottom > 0.8 * em);
  if (hasName) paintSymbol(context, palette, "W", "xh", slot.x - 1.5 * em, (start + bottom) / 2 + 0.35 * em, palette.quiet);
  const colour = slot.step === t ? palette.ink : palette.quiet;
  const name = nameOfInput(run, slot.step);
  if (name === null || unroll === 0) paintSymbol(context, palette, "x", indexOf(frame, slot.step), slot.x, inputY, colour);
  else {
    const font = `${em}px ${palette.font}`;
    paintText(context, fitting(name, (text) => textWidth(font, text) < spacing - 0.4 * em), slot.x, inputY + 0.3 * em, palette, { align: "center", colour });
  }
  if (hasValues && (unroll === 1 || slot.step === t)) paintValue(frame, slot, inputY + 1.55 * em);
}

/** Under x_t its number, or its numbers as colours; of a cone, how strongly it acts. @param {Frame} frame @param {Slot} slot @param {number} y */
function paintValue(frame, { step, x }, y) {
  const { context, palette, layout: { spacing, e }, run, cone, influence, pixels, t } = frame;
  if (!run) return;
  const colour = step === t ? palette.ink : palette.quiet;
  if (cone && influence) {
    const value = step <= cone.t ? influenceAt(influence, cone.t, step) : influenceAt(influence, step, cone.t);
    // What comes later says what of x_t is left in its own state.
    const at = step <= cone.t ? x : x + PARTS.column * e;
    context.globalAlpha = 1;
    if (!Number.isNaN(value)) paintText(context, shortPower(value), at, y, palette, { align: "center", colour: palette.ink });
    return;
  }
  const D = run.experiment.cell.input_size;
  const column = run.columnOf(step - 1);
  const input = run.input("x");
  if (D > 1) {
    const wide = Math.min(0.8 * spacing, 3.4 * e);
    pixels.input(context, run, palette, step, x - wide / 2, y - 0.95 * palette.text_px, wide, 0.6 * palette.text_px);
    context.strokeStyle = palette.hairline;
    context.lineWidth = 1;
    context.strokeRect(x - wide / 2, y - 0.95 * palette.text_px, wide, 0.6 * palette.text_px);
  } else if (input && step > run.window.t0 && step <= run.window.t1) {
    paintText(context, plain(input.data[column] ?? NaN, 2), x, y, palette, { align: "center", colour });
  }
}

/** @param {Frame} frame @param {Slot} slot @param {number} alpha */
export function paintOutput(frame, slot, alpha) {
  const { context, palette, layout, experiment, cone, t } = frame;
  const { e, outputY, rows } = layout;
  const row = rows.at(-1);
  const { loss: { at, kind }, generation: { after }, steps: T } = experiment;
  const hasLoss = at === "every" || slot.step === T;
  const isFedBack = generates(experiment) && slot.step >= (after ?? T) && slot.step < T;
  // cᵀh is a loss of the state itself: it needs no output.
  const isOfState = kind === "linear";
  if (!row || (!isFedBack && !hasLoss)) return;
  const em = palette.text_px;
  const side = cone?.output(slot.step) ?? null;
  const x = slot.x + PARTS.column * e;
  const top = row.y - PARTS.tall * e;
  context.globalAlpha = lit(frame, side, alpha * legible(frame, slot.step));
  paintArrow(context, top, outputY + 0.35 * em, x, thin(frame) * (side ? 2 : 1), side ? palette.ink : palette.quiet, true);
  if (!isFedBack && isOfState) return paintSymbol(context, palette, "L", null, x, outputY, palette.ink);
  const index = indexOf(frame, slot.step);
  paintSymbol(context, palette, "y", index, x, outputY, palette.ink);
  if (slot.step === t && top - outputY > 1.2 * em) paintSymbol(context, palette, "W", "hy", x + 1.3 * em, (top + outputY) / 2 + 0.6 * em, palette.quiet);
  const half = 0.5 * textWidth(`${em}px ${palette.font}`, `y${index}`) + 3;
  if (hasLoss) {
    paintArrow(context, x - half, x - half - 0.9 * em, outputY - 0.35 * em, thin(frame), palette.quiet);
    paintSymbol(context, palette, "L", null, x - half - 1.35 * em, outputY, palette.ink);
  }
  if (isFedBack) paintFeedback(frame, slot, x + half, outputY - 0.35 * em);
}

/** From y_t over and down to where x_{t+1} goes in; folded, a second loop. @param {Frame} frame @param {Slot} slot @param {number} from @param {number} across */
function paintFeedback(frame, slot, from, across) {
  const { context, palette, layout: { e, inputY, slots, unroll, spacing } } = frame;
  const em = palette.text_px;
  const next = slots.find(({ step }) => step === slot.step + 1)?.x ?? slot.x + spacing * unroll;
  const down = slot.x + (PARTS.column + mix(2.1, 1.05, Math.min(1, 2 * unroll))) * e;
  const bottom = inputY - 0.35 * em;
  const half = 0.5 * textWidth(`${em}px ${palette.font}`, `x${slot.step + 1}`) + 4;
  const end = mix(next + half, next - half, Math.min(1, 2 * unroll));
  context.strokeStyle = palette.ink;
  context.lineWidth = thin(frame);
  context.setLineDash([5, 3]);
  context.beginPath();
  context.moveTo(from, across);
  context.lineTo(Math.max(down, from + 3), across);
  context.lineTo(Math.max(down, from + 3), bottom);
  context.lineTo(end, bottom);
  context.stroke();
  context.setLineDash([]);
  paintArrow(context, end + Math.sign(down - end) * 6, end, bottom, thin(frame), palette.ink);
}
