/**
 * Small pictures that are drawn again and again: letters with a halo, symbols with an index. Each
 * is painted once and copied afterwards, which costs the browser a tenth of setting the type anew.
 */
import { pixelRatio } from "./ratio.js";

/** @typedef {{canvas: HTMLCanvasElement, left: number, top: number}} Stamp  the origin's place in it, in CSS pixels */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Extent around the origin, in CSS pixels */

const MOST_KEPT = 400;

/** @type {Map<string, Stamp>} the one used last comes last */
const kept = new Map();
/** Made when it is first needed. @type {CanvasRenderingContext2D | undefined} */
let ruler;

/** Width of a text, in CSS pixels. @param {string} font @param {string} text */
export function textWidth(font, text) {
  ruler ??= /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  ruler.font = font;
  return ruler.measureText(text).width;
}

/**
 * Copies a stamp with its origin at x, y, on whole pixels of the screen.
 * @param {CanvasRenderingContext2D} context scaled by the screen's pixel ratio, not turned
 * @param {number} x @param {number} y
 * @param {string} key               all that the picture depends on
 * @param {() => Extent} extent       how far it reaches around its origin
 * @param {(context: CanvasRenderingContext2D) => void} paint  paints it around 0, 0
 */
export function stamp(context, x, y, key, extent, paint) {
  const ratio = pixelRatio();
  const name = `${ratio} ${key}`;
  const made = kept.get(name) ?? make(ratio, extent(), paint);
  kept.delete(name);
  kept.set(name, made);
  if (kept.size > MOST_KEPT) kept.delete(/** @type {string} */ (kept.keys().next().value));
  const { canvas, left, top } = made;
  const onPixel = (/** @type {number} */ place) => Math.round(place * ratio) / ratio;
  context.drawImage(canvas, onPixel(x - left), onPixel(y - top), canvas.width / ratio, canvas.height / ratio);
}

/** @param {number} ratio @param {Extent} extent @param {(context: CanvasRenderingContext2D) => void} paint @returns {Stamp} */
function make(ratio, { left, right, top, bottom }, paint) {
  const canvas = document.createElement("canvas");
  const [inset, rise] = [Math.ceil(left), Math.ceil(top)];
  canvas.width = Math.max(1, Math.ceil((inset + Math.ceil(right)) * ratio));
  canvas.height = Math.max(1, Math.ceil((rise + Math.ceil(bottom)) * ratio));
  const context = canvas.getContext("2d");
  if (context) {
    context.scale(ratio, ratio);
    context.translate(inset, rise);
    paint(context);
  }
  return { canvas, left: inset, top: rise };
}
