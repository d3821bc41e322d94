/** How several starts are told apart without colour: each has a dash and a number, the same in every panel. */
import { paintText } from "./lines.js";

/** Dashes and gaps in widths of the line; the first start's is whole. */
const DASHES = Object.freeze([[], [4, 2.5], [1.2, 2], [7, 2.5, 1.2, 2.5], [2.5, 4], [10, 3], [1.2, 4], [4, 2, 1.2, 2, 1.2, 2]]);

/** @param {number} start from 0 @param {number} width of the line */
export const dashOfStart = (start, width) => (DASHES[start % DASHES.length] ?? []).map((length) => length * width);

/** A start is called by its number, from 1. @param {number} start from 0 */
export const nameOfStart = (start) => String(start + 1);

/**
 * The number beside a mark: those of marks that lie on one another stand around them.
 * @param {CanvasRenderingContext2D} context @param {number} start from 0 @param {number} x @param {number} y
 * @param {import("./palette.js").Palette} palette @param {string} [colour]
 */
export function paintStartName(context, start, x, y, palette, colour = palette.ink) {
  const angle = (start * Math.PI) / 4 - Math.PI / 4;
  const distance = 0.9 * palette.text_px;
  paintText(context, nameOfStart(start), x + distance * Math.cos(angle), y + distance * Math.sin(angle) + 0.6 * palette.text_px, palette, { align: "center", colour });
}
