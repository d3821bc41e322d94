/** Several starts at once and the plane they are seen in, as the View, links and menus have them. */

/** @typedef {"far" | "near"} StartDistance */
/** How many, the first being h₀ itself, and where the further ones lie. @typedef {Readonly<{count: number, distance: StartDistance}>} Starts */
/** Two units, counted from 0; null for the principal components. @typedef {readonly [number, number] | null} Plane */

/** As the server's: so many are told apart. */
export const MOST_STARTS = 8;

/** @type {Starts} */
export const ONE_START = Object.freeze({ count: 1, distance: "far" });

/** As a link and a menu have it: “4”, or “4near”. @param {Starts} starts */
export const wordOfStarts = ({ count, distance }) => `${count}${count > 1 && distance === "near" ? "near" : ""}`;

/** @param {string} word @returns {Starts | undefined} */
export function startsIn(word) {
  const found = /^([1-9]\d?)(near)?$/.exec(word);
  const count = Number(found?.[1]);
  return found && count <= MOST_STARTS ? { count, distance: found[2] ? "near" : "far" } : undefined;
}

/** Links count units from 1. @param {Plane} plane */
export const wordOfPlane = (plane) => (plane ? `${plane[0] + 1},${plane[1] + 1}` : "");

/** @param {string} word @returns {readonly [number, number] | undefined} */
export function planeIn(word) {
  const found = /^([1-9]\d{0,5}),([1-9]\d{0,5})$/.exec(word);
  return found && found[1] !== found[2] ? [Number(found[1]) - 1, Number(found[2]) - 1] : undefined;
}

/** Two units are a plane already, and one is none. @param {number} hidden_size */
export const hasPlanes = (hidden_size) => hidden_size > 2;

/** The plane, if its units are units of the network. @param {Plane} plane @param {{hidden_size: number}} cell @returns {Plane} */
export function fittingPlane(plane, { hidden_size: H }) {
  const fits = plane && hasPlanes(H) && plane[0] !== plane[1] && plane.every((unit) => Number.isInteger(unit) && unit >= 0 && unit < H);
  return fits ? plane : null;
}

/** A race has two or more. @param {Starts} starts @param {string} bottom the view that is open @returns {Starts} */
export function fittingStarts(starts, bottom) {
  const count = Math.min(Math.max(starts.count, bottom === "race" ? 2 : 1), MOST_STARTS);
  return count === starts.count ? starts : { ...starts, count };
}
