import assert from "node:assert/strict";
import { test } from "node:test";

import { cellText, factorText, plain, powerOfTen, typable } from "../../frontend/js/render/format.js";
import { roundUp, StickyRange } from "../../frontend/js/render/scale.js";
import { readableDigits } from "../../frontend/js/render/sums.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { refusalWords } from "../../frontend/js/ui/refusals.js";
import { gradientSentence, stateSentence } from "../../frontend/js/views/verdict.js";

test("numbers as people read them", () => {
  assert.deepEqual([0.000123, 1234, -0.5, Infinity, -Infinity, 1e30].map((value) => plain(value)), ["0.000123", "1234", "−0.5", "∞", "−∞", "1.0 · 10³⁰"]);
  assert.deepEqual([0, 2, -1, -37.5, -Infinity, NaN, 308.2].map((value) => powerOfTen(value)), ["1", "100", "0.1", "3.2 · 10⁻³⁸", "0", "–", "1.6 · 10³⁰⁸"]);
  assert.equal(powerOfTen(-37 - 1e-13), "1.0 · 10⁻³⁷", "a mantissa never rounds to ten");
});

test("a factor near one keeps the digits that tell it from one", () => {
  assert.deepEqual([0.89, 1.03, 0.998, 1.0004].map((factor) => factorText(Math.log10(factor))), ["0.89", "1.030", "0.9980", "1.00040"]);
});

test("no digit before the point is a filling zero", () => {
  assert.deepEqual([plain(123.4, 2), plain(1234.5, 2), plain(20_312, 3), powerOfTen(Math.log10(35_523))], ["123", "1235", "20312", "35523"]);
});

test("a field holds what is exact whole, and all else in six characters", () => {
  assert.deepEqual([0.9, 1.0005, 0.994214, 119.213, 4.16434e14, 1e30, 1.2e-10, -0.63123, 0].map((value) => typable(value)),
    ["0.9", "1.0005", "0.9942", "119.21", "4.16e14", "1e30", "1.2e-10", "-0.6312", "0"]);
});

test("a narrow cell drops digits, but none that counts", () => {
  const within = (/** @type {number} */ size) => (/** @type {string} */ text) => text.length <= size;
  assert.deepEqual([0, 0.1234, -0.004, 1.234, 12.34, 123.4, 1234.5, 1.234e30].map((value) => cellText(value, within(9))), ["0", ".12", "−.004", "1.23", "12.3", "123", "1235", "1.2e30"]);
  assert.deepEqual([-2.891, 12.34, -1.2e30].map((value) => cellText(value, within(4))), ["−2.9", "12.3", "−1e30"]);
});

test("the terms of a sum have the digits that make it up", () => {
  const large = [{ weight: 123.4, value: 0.96124 }, { weight: 15.6, value: -0.4571 }, { weight: 1234.5, value: 0.2512 }, { weight: -0.004, value: 0.3 }];
  for (const products of [large, [{ weight: 0.66123, value: 1 }], [{ weight: 1.2345, value: 1 }, { weight: -1.2134, value: 1 }]]) {
    const digits = readableDigits(products, 0);
    const number = (/** @type {number} */ value, /** @type {number} */ count) => Number(plain(value, count).replace("−", "-"));
    const read = products.reduce((total, { weight, value }) => total + number(weight, digits.terms) * number(value, digits.terms), 0);
    const shown = number(products.reduce((total, { weight, value }) => total + weight * value, 0), digits.sum);
    assert.ok(Math.abs(read - shown) <= 10 ** (Math.floor(Math.log10(Math.abs(shown))) - digits.sum + 1), `${read} reads as ${shown}`);
  }
});

test("a refusal speaks of what is in the hand, in two lines", () => {
  const message = "recurrent.edits[0].at is too sensitive to be moved with the eigenvectors kept: its condition number κ: got 'inf at 0'; expected at most 10000. Keep the Schur vectors instead.";
  assert.equal(refusalWords(message), "Too sensitive to be moved with the eigenvectors kept. Keep the Schur vectors instead.");
  assert.equal(refusalWords("recurrent.edits[1].spectral_radius cannot be reached: got 1; expected 0."), "This ρ cannot be reached: got 1; expected 0.");
  assert.equal(refusalWords("the sum of |W_hh| over a row or column is too large: got 1e+38; expected less than 8.5e+37, a quarter of what float32 holds. Make the weights smaller, or use float64."),
    "The sum of |W_hh| over a row or column is too large: expected less than 8.5e+37.");
  assert.equal(refusalWords("W_hh is not finite: got nan; expected finite numbers."), "W_hh is not finite: got nan; expected finite numbers.");
});

test("limits are round", () => {
  assert.deepEqual([0.3, 1, 1.01, 3, 7, 0, NaN, Infinity].map(roundUp), [0.5, 1, 2, 5, 10, 1, 1, 1]);
});

test("a range grows at once and shrinks only at rest", () => {
  const range = new StickyRange(-2, 2);
  assert.equal(range.fit(-37, 1, false), true);
  assert.deepEqual([range.low, range.high], [-50, 2]);
  assert.equal(range.fit(-3, 1, false), false);
  assert.equal(range.low, -50);
  range.fit(-3, 1, true);
  assert.equal(range.low, -5);
  range.fit(Infinity, -Infinity, true);
  assert.deepEqual([range.low, range.high], [-2, 2]);
});

/** @param {object} gradients @param {object} [states] @returns {any} */
const diagnosis = (gradients, states = {}) => ({
  gradients: { fate: null, log10_factor: null, log10_change: null, steps_to_threshold: null, zero_after: null, threshold_log10: -6, ...gradients },
  states: { fate: null, log10_factor: null, zero_after: null, ...states },
});

test("the verdict words what was measured", () => {
  const vanish = diagnosis({ fate: "vanish", log10_factor: Math.log10(0.89), log10_change: -10, steps_to_threshold: 119 });
  assert.equal(gradientSentence(vanish, DEFAULT_EXPERIMENT), "Gradients vanish: ×0.89 per step back, below 10⁻⁶ after 119 steps.");
  const explode = diagnosis({ fate: "explode", log10_factor: Math.log10(1.03), log10_change: 2.55, threshold_log10: 6 });
  assert.equal(gradientSentence(explode, DEFAULT_EXPERIMENT), "Gradients explode: ×1.030 per step back, ×355 over 199 steps.");
  const dead = diagnosis({ fate: "zero", zero_after: 64 });
  assert.equal(gradientSentence(dead, DEFAULT_EXPERIMENT), "Gradients die: exactly zero after 64 steps back.");
  const one = withFields(DEFAULT_EXPERIMENT, { steps: 1 });
  assert.equal(gradientSentence(diagnosis({}), one), "One step: nothing to multiply yet.");
});

test("tanh's activations are never said to explode", () => {
  const grown = diagnosis({}, { fate: "explode", log10_factor: 0.1 });
  assert.doesNotMatch(stateSentence(grown, DEFAULT_EXPERIMENT), /explode/);
  assert.match(stateSentence(grown, withFields(DEFAULT_EXPERIMENT, { "cell.activation": "relu" })), /explode/);
});
