// The colours of the three themes, for eyes that see fewer of them and for grey prints.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { divergingMap, rgb } from "../../frontend/js/render/palette.js";

/** @typedef {[number, number, number]} Colour  sRGB from 0 to 255, or linear from 0 to 1 */
/** @typedef {Readonly<Record<string, string>>} Tokens  names to #rrggbb */

const css = await readFile(new URL("../../frontend/css/tokens.css", import.meta.url), "utf8");
/** @type {Record<string, Tokens>} */
const THEMES = Object.fromEntries(
  [...css.matchAll(/(:root|\[data-theme="(\w+)"\]) \{([^}]*)\}/g)].map(([, , name, body = ""]) => [
    name ?? "light",
    Object.fromEntries([...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, token, hex]) => [token, hex])),
  ]),
);
const MAPS = /** @type {const} */ ([["vanish", "explode"], ["negative", "positive"]]);

// Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
/** @type {Record<string, readonly Colour[]>} */
const BLINDNESS = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

/** @param {(k: 0 | 1 | 2) => number} of @returns {Colour} */
const three = (of) => [of(0), of(1), of(2)];
/** @param {Colour} colour */
const linear = (colour) => three((k) => (colour[k] / 255 <= 0.04045 ? colour[k] / 255 / 12.92 : ((colour[k] / 255 + 0.055) / 1.055) ** 2.4));
/** @param {Colour} colour linear */
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
/** @param {readonly Colour[]} matrix @param {Colour} colour linear */
const seenWith = (matrix, [r, g, b]) => three((k) => {
  const [x, y, z] = /** @type {Colour} */ (matrix[k]);
  return Math.min(1, Math.max(0, x * r + y * g + z * b));
});
/** @param {number} t */
const f = (t) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
/** CIELAB under D65. @param {Colour} colour linear @returns {Colour} */
function lab([r, g, b]) {
  const [x, y, z] = [f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047), f(luminance([r, g, b])), f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
/** @param {Colour} a @param {Colour} b linear */
function apart(a, b) {
  const [p, q] = [lab(a), lab(b)];
  return Math.hypot(...three((k) => p[k] - q[k]));
}
/** WCAG's ratio. @param {Colour} a @param {Colour} b linear */
function contrast(a, b) {
  const [p, q] = [luminance(a), luminance(b)];
  return (Math.max(p, q) + 0.05) / (Math.min(p, q) + 0.05);
}

for (const [theme, tokens] of Object.entries(THEMES)) {
  const colour = (/** @type {string} */ name) => linear(rgb(tokens[name] ?? ""));

  test(`${theme}: the ends of both maps are far apart for every kind of colour blindness, and from the ground`, () => {
    for (const ends of MAPS) {
      for (const [name, matrix] of Object.entries(BLINDNESS)) {
        const seen = (/** @type {string} */ each) => seenWith(matrix, colour(each));
        for (const [a, b] of /** @type {const} */ ([ends, [ends[0], "ground"], [ends[1], "ground"]])) {
          const distance = apart(seen(a), seen(b));
          assert.ok(distance > 40, `${a}, ${b} ${name}: ${distance}`);
        }
      }
    }
  });

  test(`${theme}: in grey one end of a map is clearly darker than the other`, () => {
    for (const [low, high] of MAPS) {
      const distance = Math.abs(lab(colour(low))[0] - lab(colour(high))[0]);
      assert.ok(distance >= 15, `${low}, ${high}: L* ${distance}`);
    }
  });

  test(`${theme}: in grey what is stronger stands further from the ground, on either side`, () => {
    const ground = lab(colour("ground"))[0];
    for (const [low, high] of MAPS) {
      const map = divergingMap(rgb(tokens[low] ?? ""), rgb(tokens.ground ?? ""), rgb(tokens[high] ?? ""));
      const distance = (/** @type {number} */ k) => {
        const word = map[127 + k] ?? 0;
        return Math.abs(lab(linear([word & 255, (word >> 8) & 255, (word >> 16) & 255]))[0] - ground);
      };
      assert.ok(distance(0) < 0.01);
      for (let k = 8; k <= 126; k++) {
        assert.ok(distance(k) > distance(k - 4), `${high} at ${k}`);
        assert.ok(distance(-k) > distance(4 - k), `${low} at ${k}`);
      }
    }
  });

  test(`${theme}: words in these colours can be read`, () => {
    for (const name of ["vanish", "live", "explode", "positive", "negative", "quiet", "ink"]) {
      assert.ok(contrast(colour(name), colour("ground")) >= 4.5, `${name}: ${contrast(colour(name), colour("ground"))}`);
    }
  });
}

test("every theme has every colour", () => {
  assert.deepEqual(Object.keys(THEMES), ["light", "dark", "projector"]);
  for (const tokens of Object.values(THEMES)) for (const name of [...MAPS.flat(), "ground", "ink", "quiet", "live"]) assert.match(tokens[name] ?? "", /^#/);
});
