/** What one picture of the unrolled network is made of, and what all its parts have in common. */

/** @typedef {import("./unrolled_cone.js").Side} Side */

/**
 * @typedef {object} Frame  all that one picture is made of
 * @property {CanvasRenderingContext2D} context
 * @property {import("../render/palette.js").Palette} palette
 * @property {import("./unrolled_layout.js").Layout} layout
 * @property {number} middle        of the whole picture: where the one W_hh hangs
 * @property {import("../net/run.js").Run | null} run
 * @property {import("../state/experiment.js").Experiment} experiment
 * @property {number} t
 * @property {boolean} isPlaying
 * @property {number | null} hovered  the step under the pointer
 * @property {import("./unrolled_pixels.js").Pixels} pixels
 * @property {import("./unrolled_cone.js").Cone | null} cone
 * @property {((step: number) => number) | null} strength  of the cone, in decades, where it was measured
 * @property {import("./influence.js").Influence | null} influence  whose numbers stand under the steps
 */

/** How much is left of what lies outside the cone. */
const OUTSIDE = 0.16;

/** @param {Frame} frame @param {Side} side @param {number} [alpha] */
export const lit = ({ cone }, side, alpha = 1) => (cone && side === null ? alpha * OUTSIDE : alpha);

/** The width of plain lines. @param {Frame} frame */
export const thin = ({ palette }) => Math.max(1.25, palette.line_px * 0.55);

/** How far what belongs to a step is to be read: while copies lie on one another, the cursor's alone. @param {Frame} frame @param {number} step */
export const legible = ({ layout: { unroll }, t }, step) => (step === t ? 1 : Math.min(Math.max(3 * unroll - 1.4, 0), 1));

/** A step's index, folded any step's. @param {Frame} frame @param {number} step @param {number} [before] */
export const indexOf = ({ layout }, step, before = 0) => (layout.unroll === 0 ? (before ? "t−1" : "t") : String(step - before));

/** @param {Frame} frame @param {number} x @param {number} y @param {number} width @param {number} height @param {boolean} isStrong */
export function outline(frame, x, y, width, height, isStrong) {
  const { context, palette } = frame;
  context.strokeStyle = palette.ink;
  context.lineWidth = isStrong ? 2.5 * thin(frame) : 1;
  const grow = isStrong ? context.lineWidth / 2 : 0;
  context.strokeRect(x - grow, y - grow, width + 2 * grow, height + 2 * grow);
}
