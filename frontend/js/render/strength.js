/** How an arrow looks that carries so many decades of what another one carries: as strong, and in the colour of its fate. */
import { blend } from "./palette.js";

/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {{thickness: number, colour: string, alpha: number}} Strength  thickness of 1 */

/** Decades over which an arrow goes from full to a hair. */
const FULL_DECADES = 6;

/** @type {Map<string, string>} */
const blends = new Map();
const MOST_KEPT = 1000;

/** @param {number} decades @param {Palette} palette @returns {Strength} */
export function strengthOf(decades, palette) {
  if (Number.isNaN(decades)) return { thickness: 0, colour: palette.quiet, alpha: 0.3 };
  const share = Math.min(Math.abs(decades) / FULL_DECADES, 1);
  const colour = fateBetween(palette, decades > 0 ? palette.explode : palette.vanish, Math.min(Math.max(Math.abs(decades) - 0.5, 0), 1));
  const thickness = decades > 0 ? 0.45 + 0.55 * share : 0.45 * (1 - share) + 0.04;
  return { thickness, colour, alpha: decades > 0 ? 1 : 1 - 0.65 * share };
}

/** Between a living colour and a fate's, in fine steps, so that few colours are made. @param {Palette} palette @param {string} fate @param {number} share */
function fateBetween({ live }, fate, share) {
  const step = Math.round(share * 64);
  const key = `${live} ${fate} ${step}`;
  const colour = blends.get(key) ?? blend(live, fate, step / 64);
  if (blends.size > MOST_KEPT) blends.clear();
  blends.set(key, colour);
  return colour;
}
