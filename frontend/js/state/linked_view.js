/** What of the View a link carries: one table that writes and reads every part. */
import { ALL_LAYERS } from "./cells.js";
import { fittingKinds } from "./compare.js";
import { ONE_START, planeIn, startsIn, wordOfPlane, wordOfStarts } from "./starts.js";

/** The views that stand in each place; the first of each needs no word. */
export const TOP_VIEWS = /** @type {const} */ (["hidden_states", "unrolled", "influence", "dimensions", "atlas"]);
export const BOTTOM_VIEWS = /** @type {const} */ (["norms", "powers", "race", "cost", "atlas"]);
export const SIDE_VIEWS = /** @type {const} */ (["eigenvalues", "state_space", "lyapunov"]);
/** Which place stands second on a projector, which has room for two. */
export const SECOND = /** @type {const} */ (["bottom", "side", "corner"]);
/** @typedef {typeof TOP_VIEWS[number]} TopView */
/** @typedef {typeof BOTTOM_VIEWS[number]} BottomView */
/** @typedef {typeof SIDE_VIEWS[number]} SideView */
/** @typedef {typeof SECOND[number]} Second */
/** @typedef {import("./experiment.js").Experiment["cell"]} Cell */
/** A state of the unrolled network: its step from 1, its layer from 0, null for the top one. @typedef {{t: number, layer: number | null}} Chosen */

/**
 * @typedef {object} LinkedView
 * @property {number} t  the cursor, from 1
 * @property {TopView} top
 * @property {BottomView} bottom
 * @property {SideView} side
 * @property {Second} second
 * @property {import("./cells.js").Layer} layer
 * @property {import("../net/batch.js").Sequence} sequence
 * @property {readonly import("./compare.js").ComparedKind[]} compare
 * @property {boolean} hasJacobian
 * @property {import("./starts.js").Starts} starts
 * @property {import("./starts.js").Plane} plane
 * @property {number} unroll  from 0, the recursive picture, to 1, the unrolled one
 * @property {Chosen | null} cone  the state whose dependencies are lit
 * @property {string} lesson  its name; empty outside of lessons
 * @property {number} step  of the lesson, from 1
 */

/**
 * @template T
 * @typedef {object} Part  one part of the hash, `name=text`
 * @property {string} name
 * @property {T} otherwise  what stands where the link has no such part, or one that can't be
 * @property {(value: T) => string} write
 * @property {(text: string, cell: Cell) => T | undefined} read
 */

/** @template {string} T @param {string} name @param {readonly T[]} choices the first stands otherwise @returns {Part<T>} */
const choice = (name, choices) => ({ name, otherwise: /** @type {T} */ (choices[0]), write: String, read: (text) => choices.find((each) => each === text) });

/** @type {Readonly<{[K in keyof LinkedView]: Part<LinkedView[K]>}>} */
const PARTS = Object.freeze({
  t: { name: "t", otherwise: 1, write: String, read: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined) },
  top: choice("top", TOP_VIEWS),
  bottom: choice("bottom", BOTTOM_VIEWS),
  side: choice("side", SIDE_VIEWS),
  second: choice("second", SECOND),
  layer: choice("layer", /** @type {const} */ (["h", ...ALL_LAYERS])),
  // Links count sequences from 1.
  sequence: { name: "sequence", otherwise: 0, write: (sequence) => (sequence === "mean" ? sequence : String(sequence + 1)), read: (text) => (text === "mean" ? text : /^[1-9]\d{0,5}$/.test(text) ? Number(text) - 1 : undefined) },
  compare: { name: "compare", otherwise: Object.freeze([]), write: (kinds) => kinds.join("+"), read: (text, cell) => fittingKinds(text.split("+"), cell) },
  unroll: { name: "unroll", otherwise: 1, write: (unroll) => String(Number(unroll.toFixed(2))), read: (text) => (/^(0(\.\d{1,9})?|1(\.0{1,9})?)$/.test(text) ? Number(text) : undefined) },
  // Without a layer it is the top one; links count layers from 1.
  cone: { name: "cone", otherwise: null, write: (cone) => (cone ? `${cone.t}${cone.layer === null ? "" : `,${cone.layer + 1}`}` : ""), read: readCone },
  hasJacobian: { name: "jacobian", otherwise: false, write: (isShown) => (isShown ? "1" : "0"), read: (text) => text === "1" || undefined },
  starts: { name: "starts", otherwise: ONE_START, write: wordOfStarts, read: startsIn },
  plane: { name: "plane", otherwise: null, write: wordOfPlane, read: planeIn },
  lesson: { name: "lesson", otherwise: "", write: String, read: (text) => (/^[A-Za-z0-9][\w.-]{0,79}$/.test(text) ? text : undefined) },
  step: { name: "step", otherwise: 1, write: String, read: (text) => (/^[1-9]\d{0,2}$/.test(text) ? Number(text) : undefined) },
});

/** @param {string} text @returns {LinkedView["cone"] | undefined} */
function readCone(text) {
  const found = /^([1-9]\d{0,8})(?:,([1-9]\d{0,3}))?$/.exec(text);
  return found ? { t: Number(found[1]), layer: found[2] ? Number(found[2]) - 1 : null } : undefined;
}

/** The words of a link that are no field of the Experiment. */
export const VIEW_NAMES = Object.freeze(Object.values(PARTS).map(({ name }) => name));

/** @param {Partial<LinkedView>} view @returns {string[]} what differs from the default, as `name=text` */
export function writeView(view) {
  return Object.entries(PARTS).flatMap(([key, part]) => {
    const { name, otherwise, write } = /** @type {Part<unknown>} */ (part);
    const value = view[/** @type {keyof LinkedView} */ (key)];
    const isOther = value !== undefined && write(value) !== write(otherwise);
    return isOther ? [`${name}=${write(value)}`] : [];
  });
}

/** Of a view only what the pairs say. @param {readonly string[]} pairs unescaped @param {Cell} cell @returns {Partial<LinkedView>} */
export function saidOfView(pairs, cell) {
  const view = readView(pairs, cell);
  const said = Object.entries(PARTS).filter(([, { name }]) => pairs.some((pair) => pair.startsWith(`${name}=`)));
  return Object.fromEntries(said.map(([key]) => [key, view[/** @type {keyof LinkedView} */ (key)]]));
}

/** @param {readonly string[]} pairs unescaped @param {Cell} cell @returns {LinkedView} what is unknown here is left at its default */
export function readView(pairs, cell) {
  const entries = Object.entries(PARTS).map(([key, { name, otherwise, read }]) => {
    const found = pairs.map((pair) => (pair.startsWith(`${name}=`) ? read(pair.slice(name.length + 1), cell) : undefined));
    return [key, found.find((value) => value !== undefined) ?? otherwise];
  });
  return /** @type {LinkedView} */ (Object.fromEntries(entries));
}
