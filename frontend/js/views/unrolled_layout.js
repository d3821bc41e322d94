/**
 * Where everything of the unrolled network stands: pure geometry, in CSS pixels. The network is
 * drawn along a line with two scales: steps that are drawn as cells, around the cursor and at both
 * ends, and between them ribbons in which every step has the same narrow width. While it is folded
 * all copies of the cell lie on one another; `unroll` pulls them apart.
 */

/**
 * @typedef {object} Request
 * @property {number} width of the picture
 * @property {number} height
 * @property {number} text_px
 * @property {number} T
 * @property {number} t        the cursor, from 1
 * @property {number} unroll   0 folded, 1 unrolled
 * @property {number} layers   of the network
 * @property {boolean} hasOutputs  something is made of every state
 * @property {boolean} hasNames    inputs have names in the place of numbers, which are longer
 */

/** @typedef {{step: number, x: number}} Slot  a step that is drawn as a cell, and its cell's middle */
/** @typedef {{first: number, last: number, left: number, right: number}} Ribbon  condensed steps and where they lie */
/** @typedef {{layer: number, y: number}} Row  a layer, from 0, and the middle of its cells */

/**
 * @typedef {object} Layout
 * @property {number} e         the unit of all shapes
 * @property {readonly Slot[]} slots    in the order of time
 * @property {readonly Ribbon[]} ribbons
 * @property {readonly Row[]} rows      the bottom layer first
 * @property {number} hidden            layers between the rows that have no room
 * @property {number} spacing           between two cells
 * @property {number} unroll
 * @property {number} centre            of the folded picture
 * @property {number} matrixY           the middle of the one W_hh
 * @property {number} outputY           the base line of y_t and L
 * @property {number} inputY            the base line of x_t
 * @property {boolean} hasValues        whether a number has room under x_t
 * @property {(step: number) => number} xOf  the middle of a step, be it drawn as a cell or condensed
 */

/** Parts of a step, in e from its cell's middle. The next cell's W_hh stands before it. */
export const PARTS = Object.freeze({ cell: 1.15, tall: 1.45, matrix: -2.35, matrixHalf: 0.75, column: 1.95, columnHalf: 0.4, lane: 0.72, start: -4.6 });

/** Room left of the first cell, for h_0, and right of the last, for its state and loss; in e. */
const BEFORE = 5.4;
const AFTER = 3.7;
const SPACING = 6.6;
/** What the ribbons take together, in e. */
const RIBBONS = 9;
/** A condensed step is at most this part of a drawn one. */
const WIDEST = 0.4;
/** Heights in e: the one matrix, the room its threads have at least, a layer, between two of them, arrows above and below. */
const TALL = Object.freeze({ matrix: 2.4, threads: 1.4, layer: 2.9, between: 1.5, arrow: 0.75 });
const MOST_THREADS = 6.5;
/** How small a cell may be, in sizes of text, where all steps fit then. */
const LEAST_WHOLE = 0.75;

/** @param {Request} request @returns {Layout} */
export function layoutOf(request) {
  const { width, t, T, unroll } = request;
  const { e, unrolled, rows, hidden, ...heights } = heightsOf(request);
  const label = labelWidth(request);
  // Which steps are cells is settled by where they will stand, or they would change on the way.
  const spacing = Math.max(SPACING * unrolled, label + 1.8 * request.text_px);
  const left = Math.max(BEFORE * unrolled, -PARTS.start * unrolled + 0.9 * request.text_px);
  const right = width - Math.max(AFTER * unrolled, PARTS.column * unrolled + label / 2 + 2);
  const place = placesOf(T, t, left, right, width, spacing, RIBBONS * unrolled);
  // Folded, cell and state together stand in the middle.
  const centre = width / 2 - PARTS.column * e * 0.4;
  const between = (/** @type {number} */ x) => centre + (x - centre) * unroll;
  return {
    e, rows, hidden, ...heights, spacing, unroll, centre,
    slots: place.steps.map((step) => ({ step, x: between(place.xOf(step)) })),
    ribbons: place.gaps.map(([first, last]) => ({ first, last, left: between(place.edgeOf(first)), right: between(place.edgeOf(last + 1)) })),
    xOf: (step) => between(place.xOf(step)),
  };
}

/**
 * Which steps are drawn as cells, and the places of all.
 * @param {number} T @param {number} t @param {number} left of the first cell's middle @param {number} right of the last one's, at most
 * @param {number} width @param {number} spacing @param {number} ribbons what they take together
 */
function placesOf(T, t, left, right, width, spacing, ribbons) {
  const room = Math.floor((right - left) / spacing + 1 + 1e-9);
  if (T <= Math.max(room, 1)) {
    const start = (left + right - (T - 1) * spacing) / 2;
    const xOf = (/** @type {number} */ step) => start + (step - 1) * spacing;
    return { steps: range(1, T), gaps: /** @type {[number, number][]} */ ([]), xOf, edgeOf: (/** @type {number} */ step) => xOf(step) - spacing / 2 };
  }
  // Both ends, and the steps around the cursor; on a very narrow screen the cursor's step alone.
  const count = Math.max(1, Math.min(T - 1, Math.floor((right - left - ribbons) / spacing + 1)));
  const inner = Math.max(1, count - 2);
  const ends = Math.min(2, count - inner);
  const [low, high] = [1 + (ends > 0 ? 1 : 0), T - (ends > 1 ? 1 : 0)];
  const first = Math.min(Math.max(t - Math.floor(inner / 2), low), high - inner + 1);
  const steps = [...(ends > 0 ? [1] : []), ...range(first, first + inner - 1), ...(ends > 1 ? [T] : [])];
  const condensed = T - steps.length;
  // Where no cell stands at an end, its ribbon may reach the picture's edge, and no further.
  const [from, to] = [steps[0] === 1 ? left - spacing / 2 : Math.max(left - spacing / 2, 1), steps.at(-1) === T ? right + spacing / 2 : Math.min(right + spacing / 2, width - 1)];
  const each = Math.min(Math.max(to - from - steps.length * spacing, 0) / condensed, WIDEST * spacing);
  const begin = (from + to - steps.length * spacing - condensed * each) / 2;
  // The place where a step begins: each cell before it takes a spacing, each condensed step less.
  const edgeOf = (/** @type {number} */ step) => {
    const cells = steps.reduce((sum, drawn) => sum + (drawn < step ? 1 : 0), 0);
    return begin + cells * spacing + (step - 1 - cells) * each;
  };
  /** @type {[number, number][]} */
  const gaps = [];
  [0, ...steps].forEach((step, k) => {
    const next = steps[k] ?? T + 1;
    if (next - step > 1) gaps.push([step + 1, next - 1]);
  });
  const isDrawn = new Set(steps);
  return { steps, gaps, edgeOf, xOf: (/** @type {number} */ step) => edgeOf(step) + (isDrawn.has(step) ? spacing : each) / 2 };
}

/** About how wide a symbol with the last step's index is. @param {{T: number, text_px: number}} request */
const labelWidth = ({ T, text_px }) => (0.7 + 0.5 * String(T).length) * text_px;

/** @param {number} first @param {number} last */
const range = (first, last) => Array.from({ length: Math.max(last - first + 1, 0) }, (_, k) => first + k);

/** Heights: the largest shapes that fit, in width too, between lines of text. @param {Request} request */
function heightsOf({ width, height, text_px, layers, hasOutputs, hasNames, unroll, T }) {
  const line = 1.3 * text_px;
  // A few steps more are drawn smaller, before any is condensed.
  const all = width / (BEFORE + AFTER + (T - 1) * SPACING + 0.5);
  const widest = Math.min(width / 48, 1.35 * text_px, all >= LEAST_WHOLE * text_px ? all : Infinity);
  // Where h_t and x_t would lie on one another, x_t has a line of its own.
  const isNarrow = hasNames || PARTS.column * widest < labelWidth({ T, text_px });
  const units = (/** @type {number} */ shown) => TALL.matrix + TALL.threads + shown * TALL.layer + (shown - 1) * TALL.between + (isNarrow ? 1 : 2) * TALL.arrow;
  const lines = (/** @type {boolean} */ hasValues) => (hasOutputs ? 1 : 0.6) + (isNarrow ? 2 : 1) + (hasValues ? 1 : 0);
  const fit = (/** @type {number} */ shown, /** @type {boolean} */ hasValues) => (height - lines(hasValues) * line) / units(shown);
  // Numbers go first, then layers between the top one and the others.
  const hasValues = fit(Math.min(layers, 2), true) >= 0.6 * text_px;
  let shown = layers;
  while (shown > 2 && fit(shown, hasValues) < 0.62 * text_px) shown--;
  const unrolled = Math.max(Math.min(fit(shown, hasValues), widest), Math.min(0.5 * text_px, width / 48));
  // One cell alone has room to be larger.
  const folded = Math.max(unrolled, Math.min(fit(shown, hasValues), width / 20, 1.6 * unrolled));
  const e = folded + (unrolled - folded) * unroll;
  const base = height - (hasValues ? line : 0) - 0.35 * text_px;
  const lowest = base - (isNarrow ? 2 * line : line + TALL.arrow * e) - (TALL.layer / 2) * e + 0.2 * text_px;
  const pitch = (TALL.layer + TALL.between) * e;
  const rows = range(0, shown - 1).map((k) => ({ layer: k === shown - 1 ? layers - 1 : k, y: lowest - k * pitch }));
  const top = (rows.at(-1)?.y ?? lowest) - (TALL.layer / 2) * e;
  const outputY = top - TALL.arrow * e - 0.15 * text_px;
  const matrixY = Math.max((TALL.matrix / 2) * e + 1, outputY - (hasOutputs ? line : 0.6 * line) - (MOST_THREADS + TALL.matrix / 2) * e);
  return { e, unrolled, rows, hidden: layers - shown, matrixY, outputY, inputY: base, hasValues };
}

/** What of the picture lies under a place: a state, a condensed step, or neither. @param {Layout} layout @param {number} x @param {number} y @returns {{kind: "state", step: number, layer: number} | {kind: "ribbon", step: number} | null} */
export function under({ slots, ribbons, rows, e, spacing, xOf }, x, y) {
  const row = rows.find((each) => Math.abs(y - each.y) <= (PARTS.tall + 0.6) * e);
  if (!row) return null;
  const slot = slots.findLast((each) => x >= each.x + (PARTS.matrix - PARTS.matrixHalf) * e && x <= Math.min(each.x + (PARTS.column + 1) * e, each.x + spacing / 2));
  if (slot) return { kind: "state", step: slot.step, layer: row.layer };
  const ribbon = ribbons.find(({ left, right }) => x >= left && x < right);
  if (!ribbon) return null;
  const share = (x - ribbon.left) / (ribbon.right - ribbon.left || 1);
  const step = Math.min(ribbon.last, ribbon.first + Math.floor(share * (ribbon.last - ribbon.first + 1)));
  return Number.isFinite(xOf(step)) ? { kind: "ribbon", step } : null;
}
