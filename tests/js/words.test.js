import assert from "node:assert/strict";
import { test } from "node:test";

import { factorText, plain, powerOfTen } from "../../frontend/js/render/format.js";
import { roundUp, StickyRange } from "../../frontend/js/render/scale.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { gradientSentence, stateSentence } from "../../frontend/js/views/verdict.js";

test("numbers as people read them", () => {
  assert.deepEqual([0.000123, 1234, -0.5, Infinity, -Infinity, 1e30].map((value) => plain(value)), ["0.000123", "1230", "−0.5", "∞", "−∞", "1.0 · 10³⁰"]);
  assert.deepEqual([0, 2, -1, -37.5, -Infinity, NaN, 308.2].map((value) => powerOfTen(value)), ["1", "100", "0.1", "3.2 · 10⁻³⁸", "0", "–", "1.6 · 10³⁰⁸"]);
  assert.equal(powerOfTen(-37 - 1e-13), "1.0 · 10⁻³⁷", "a mantissa never rounds to ten");
});

test("a factor near one keeps the digits that tell it from one", () => {
  assert.deepEqual([0.89, 1.03, 0.998, 1.0004].map((factor) => factorText(Math.log10(factor))), ["0.89", "1.030", "0.9980", "1.00040"]);
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
