/** Places that move with the unrolling: where an edge begins, and where its copy of W_hh is. */
import { hasGates } from "../state/cells.js";
import { PARTS } from "./unrolled_layout.js";

/** @typedef {import("./unrolled_frame.js").Frame} Frame */
/** @typedef {import("./unrolled_layout.js").Slot} Slot */
/** @typedef {import("./unrolled_layout.js").Row} Row */

/** @param {number} from @param {number} to @param {number} share */
export const mix = (from, to, share) => from + (to - from) * share;

/** How far below a cell's middle, in e, h goes on by W_hh: with gates there is a lane above it that does without. @param {import("../state/experiment.js").Experiment} experiment */
export const laneOf = ({ cell }) => (hasGates(cell) ? PARTS.lane : 0);

/** The middle of a step's W_hh. Folded, it is on the loop: of the top layer, the one that all steps share. @param {Frame} frame @param {Slot} slot @param {Row} row */
export function matrixPlace({ layout, experiment, middle }, slot, row) {
  const { e, unroll, centre, matrixY, rows } = layout;
  const isTop = row === rows.at(-1);
  const folded = isTop ? { x: middle, y: matrixY } : { x: centre - e, y: row.y - 2.2 * e };
  return { x: mix(folded.x, slot.x + PARTS.matrix * e, unroll), y: mix(folded.y, row.y + laneOf(experiment) * e, unroll) };
}

/** Where the state before a step comes from: h_0, the cell before, or the end of a ribbon. @param {Frame} frame @param {Slot} slot */
export function sourceX({ layout }, slot) {
  const { e, unroll, centre, slots, ribbons } = layout;
  const out = (PARTS.column + PARTS.columnHalf) * e;
  const before = slots.find(({ step }) => step === slot.step - 1);
  if (before) return before.x + out;
  const ribbon = ribbons.find(({ last }) => last === slot.step - 1);
  if (ribbon) return mix(centre + out, ribbon.right, unroll);
  return slot.x + (PARTS.start + PARTS.columnHalf) * e;
}

/**
 * The way of a state into a cell: out to the right, through W_hh, in from the left. Folded that is
 * a loop; pulled out, a straight line.
 * @param {CanvasRenderingContext2D} context @param {{e: number, unroll: number}} layout
 * @param {number} fromX @param {number} fromY @param {{x: number, y: number}} through @param {number} toX @param {number} toY @param {number} [size] of the loop
 */
export function traceWay(context, { e, unroll }, fromX, fromY, through, toX, toY, size = 1) {
  const turn = mix(2.8 * size, -0.3, unroll) * e;
  const reach = mix(4.4 * size, 0.3, unroll) * e;
  context.moveTo(fromX, fromY);
  context.bezierCurveTo(fromX + reach, fromY, through.x + turn, through.y, through.x, through.y);
  context.bezierCurveTo(through.x - turn, through.y, toX - reach, toY, toX, toY);
}
