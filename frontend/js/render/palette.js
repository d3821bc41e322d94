/**
 * The colours of the current theme, read once from the stylesheet's tokens, and the diverging map
 * of signed values through the background's own colour.
 */

/** @typedef {"vanish" | "live" | "explode"} FateColour */

/**
 * @typedef {object} Palette
 * @property {string} ground @property {string} ink @property {string} quiet @property {string} hairline
 * @property {string} vanish @property {string} live @property {string} explode
 * @property {string} positive @property {string} negative
 * @property {number} line_px      width of a data line
 * @property {number} text_px      size of text in pictures
 * @property {string} font
 * @property {Uint32Array} signed  255 RGBA words from the strongest negative over the ground itself to the strongest positive
 * @property {Uint32Array} fates   the same from what has vanished over the ground to what has exploded
 * @property {Uint32Array} overflow  RGBA words of -Infinity, NaN and +Infinity
 */

/** A reader's own size of text is a multiple of it, and pictures follow. */
const USUAL_FONT_PX = 16;

/** @param {Element} root @returns {Palette} */
export function readPalette(root) {
  const style = getComputedStyle(root);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const ground = token("ground");
  const positive = token("positive");
  const negative = token("negative");
  const explode = token("explode");
  const scale = Number.parseFloat(token("scale")) || 1;
  return Object.freeze({
    ground,
    ink: token("ink"),
    quiet: token("quiet"),
    hairline: token("hairline"),
    vanish: token("vanish"),
    live: token("live"),
    explode,
    positive,
    negative,
    line_px: Number.parseFloat(token("line")) * scale,
    text_px: Number.parseFloat(token("plot-text")) * (Number.parseFloat(style.fontSize) / USUAL_FONT_PX), // an embed's scale is in it
    font: style.fontFamily,
    signed: divergingMap(rgb(negative), rgb(ground), rgb(positive)),
    fates: divergingMap(rgb(token("vanish")), rgb(ground), rgb(explode)),
    overflow: Uint32Array.of(word(rgb(explode)), word(rgb(token("ink"))), word(rgb(explode))),
  });
}

/** @param {Palette} palette @param {string | null | undefined} fate */
export function fateColour(palette, fate) {
  if (fate === "explode") return palette.explode;
  if (fate === "vanish" || fate === "zero") return palette.vanish;
  return palette.live;
}

/** @param {string} hex "#rrggbb" @returns {[number, number, number]} */
export function rgb(hex) {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** A colour between two. @param {string} from "#rrggbb" @param {string} to @param {number} share of `to` */
export function blend(from, to, share) {
  const [a, b] = [rgb(from), rgb(to)];
  return `rgb(${a.map((value, k) => Math.round(value + ((b[k] ?? 0) - value) * share)).join(" ")})`;
}

/** @param {[number, number, number]} colour a pixel of ImageData (little-endian) */
function word([r, g, b]) {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** 255 RGBA words. @param {[number, number, number]} low @param {[number, number, number]} middle @param {[number, number, number]} high */
export function divergingMap(low, middle, high) {
  return Uint32Array.from({ length: 255 }, (_, k) => {
    const strength = (k - 127) / 127;
    const end = strength < 0 ? low : high;
    // A slightly concave ramp keeps small values visible on a projector.
    const share = Math.abs(strength) ** 0.8;
    const mix = (/** @type {0|1|2} */ c) => Math.round(middle[c] + (end[c] - middle[c]) * share);
    return word([mix(0), mix(1), mix(2)]);
  });
}

/** The map of signed values as CSS stops, for a legend. @param {Palette} palette */
export const signedGradient = ({ signed }) => gradient(signed);

/** Likewise the map of fates. @param {Palette} palette */
export const fateGradient = ({ fates }) => gradient(fates);

/** @param {Uint32Array} map */
function gradient(map) {
  const stops = [0, 64, 127, 190, 254].map((k) => {
    const pixel = map[k] ?? 0;
    return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
  });
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}
