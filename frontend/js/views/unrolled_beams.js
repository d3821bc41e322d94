/** The one shared W_hh lights up at every step: a beam from it to each of its T uses, as strong as that step's share of ∂L/∂W_hh. */
import { strengthOf } from "../render/strength.js";
import { matrixPlace } from "./unrolled_places.js";
import { PARTS } from "./unrolled_layout.js";

/** @typedef {import("./unrolled_frame.js").Frame} Frame */

/** Levels of light: beams of one level and colour are one path. */
const LEVELS = 24;
/** Even a step that pays nothing uses the matrix. */
const FAINTEST = 0.1;

/**
 * A step's share as light: of the largest share, and in decades of the last step's.
 * @param {Frame} frame @returns {((step: number) => {light: number, decades: number}) | null} null where no shares are known
 */
export function lightOf({ run }) {
  const shares = run?.done?.diagnosis?.shares;
  if (!run || !shares) return null;
  const { log10_largest: largest } = shares;
  const last = run.valueAt("log10_grad_W_hh", Math.min(run.T, run.window.t1) - 1);
  const reference = Number.isFinite(last) ? last : (largest ?? 0);
  return (step) => {
    if (largest === null || step <= run.window.t0 || step > run.window.t1) return { light: 0, decades: -Infinity };
    const value = run.valueAt("log10_grad_W_hh", step - 1);
    return { light: 10 ** Math.min(value - largest, 0) || 0, decades: value - reference };
  };
}

/** @param {Frame} frame */
export function paintBeams(frame) {
  const { context, palette, layout, cone, hovered } = frame;
  const { e, unroll, slots, ribbons, matrixY } = layout;
  const light = lightOf(frame);
  const row = layout.rows.at(-1);
  if (!light || !row || unroll === 0) return;
  const y0 = matrixY + 1.2 * e;
  /** @type {Map<string, {path: Path2D, level: number, colour: string}>} */
  const bundles = new Map();
  /** @param {number} x @param {number} y @param {number} wide @param {number} step */
  const add = (x, y, wide, step) => {
    const { light: each, decades } = light(step);
    const level = Math.ceil(Math.sqrt(each) * LEVELS);
    const { colour } = strengthOf(decades, palette);
    // Of a cone the uses that the chosen state depends on shine, those that depend on it are faint.
    const side = cone ? cone.state(step, row.layer) : "past";
    const part = side === null ? 0 : side === "future" ? 0.35 : 1;
    const key = `${part} ${level} ${colour}`;
    const bundle = bundles.get(key) ?? { path: new Path2D(), level: level * part, colour };
    bundles.set(key, bundle);
    beam(bundle.path, frame.middle, y0, x, y, 0.3 * e, wide);
  };
  for (const ribbon of ribbons) {
    const top = row.y - PARTS.tall * e;
    const [left, right] = [Math.ceil(ribbon.left), Math.floor(ribbon.right)];
    const perPixel = (ribbon.last - ribbon.first + 1) / Math.max(right - left, 1);
    // A pixel is a step, or the brightest of several.
    for (let k = 0, next = 0; k < right - left; k = next) {
      const step = ribbon.first + Math.floor(k * perPixel);
      next = Math.max(k + 1, Math.ceil((step + 1 - ribbon.first) / perPixel));
      add(left + (k + Math.min(next, right - left)) / 2, top, Math.max(next - k, 1), brightest(light, step, ribbon.first + Math.floor((k + 1) * perPixel), ribbon.last));
    }
  }
  for (const slot of slots) {
    const { x, y } = matrixPlace(frame, slot, row);
    add(x, y - PARTS.matrixHalf * e, (0.25 + 1.1 * light(slot.step).light) * e, slot.step);
  }
  for (const { path, level, colour } of bundles.values()) {
    context.globalAlpha = unroll * (FAINTEST + (1 - FAINTEST) * (level / LEVELS) ** 2);
    context.fillStyle = colour;
    context.fill(path);
  }
  context.globalAlpha = 1;
  if (hovered === null) return;
  const slot = slots.find(({ step }) => step === hovered);
  const end = slot ? matrixPlace(frame, slot, row) : { x: layout.xOf(hovered), y: row.y - PARTS.tall * e + PARTS.matrixHalf * e };
  const path = new Path2D();
  beam(path, frame.middle, y0, end.x, end.y - PARTS.matrixHalf * e, 2, Math.max(2, 1.1 * light(hovered).light * e));
  context.fillStyle = palette.ink;
  context.fill(path);
}

/** Of steps that share a pixel, the one that is seen. @param {(step: number) => {light: number}} light @param {number} first @param {number} end @param {number} last */
function brightest(light, first, end, last) {
  let best = first;
  // A column of the run holds the largest of its steps: a few looks are enough for any of its bins.
  const stride = Math.max(1, Math.floor((end - first) / 8));
  for (let step = first; step < Math.min(end, last + 1); step += stride) if (light(step).light > light(best).light) best = step;
  return best;
}

/** A band that leaves downwards, narrow, and comes in from above, wider. @param {Path2D} path @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 @param {number} wide0 @param {number} wide1 */
function beam(path, x0, y0, x1, y1, wide0, wide1) {
  const bend = (y1 - y0) * 0.55;
  path.moveTo(x0 - wide0 / 2, y0);
  path.bezierCurveTo(x0 - wide0 / 2, y0 + bend, x1 - wide1 / 2, y1 - bend, x1 - wide1 / 2, y1);
  path.lineTo(x1 + wide1 / 2, y1);
  path.bezierCurveTo(x1 + wide1 / 2, y1 - bend, x0 + wide0 / 2, y0 + bend, x0 + wide0 / 2, y0);
  path.closePath();
}
