/** Which panels an embed shows, and what stands in their places: pure, so that it can be tested. */
import { BOTTOM_VIEWS, SIDE_VIEWS, TOP_VIEWS } from "../state/linked_view.js";

/** @typedef {"verdict" | "equation" | "top" | "bottom" | "side" | "corner" | "time" | "readout"} Place */
/** @typedef {Partial<Pick<import("../state/store.js").View, "top" | "bottom" | "side">>} Views */

/** What may stand in a place, the usual one first. @type {Readonly<Record<"top" | "bottom" | "side", readonly string[]>>} */
const VIEWS = Object.freeze({ top: TOP_VIEWS, bottom: BOTTOM_VIEWS, side: SIDE_VIEWS });

/**
 * A place's name is that place; a view's name is the place it may stand in, with that view there.
 * The atlas may stand in two: in the second where the first is named already.
 * @param {readonly string[]} view @param {readonly string[]} [hide]
 * @returns {{places: ReadonlySet<Place>, views: Views}}
 */
export function panelsOf(view, hide = []) {
  /** @type {Set<Place>} */
  const places = new Set();
  /** @type {Record<string, string>} */
  const views = {};
  for (const name of view) {
    const found = Object.entries(VIEWS).filter(([, names]) => names.includes(name)).map(([place]) => /** @type {Place} */ (place));
    const place = name === "weights" ? "corner" : found.find((each) => !places.has(each)) ?? found[0] ?? /** @type {Place} */ (name);
    places.add(place);
    if (found.length) views[place] = name;
  }
  for (const name of hide) {
    places.delete(name === "weights" ? "corner" : /** @type {Place} */ (name));
    for (const [place, shown] of Object.entries(views)) if (shown === name) places.delete(/** @type {Place} */ (place));
  }
  return { places, views: /** @type {Views} */ (views) };
}
