import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { sizesOf } from "../../frontend/js/state/sizes.js";
import { countText } from "../../frontend/js/views/readout_compared.js";

const SMALL = withFields(DEFAULT_EXPERIMENT, { "cell.input_size": 2, "cell.hidden_size": 3, "cell.output_size": 5, steps: 10 });

test("parameters and multiply–adds of every cell, counted by hand", () => {
  const readout = 5 * 3 + 5;
  // [parameters of W_xh, W_hh and biases, products of one step]
  const expected = {
    elman: [6 + 9 + 3, 6 + 9], gru: [3 * (6 + 9) + 12, 3 * (6 + 9)], lstm: [4 * (6 + 9) + 12, 4 * (6 + 9)], feedforward: [6 + 3, 6],
  };
  for (const [kind, [parameters = 0, products = 0]] of Object.entries(expected)) {
    const found = sizesOf(kind, SMALL);
    assert.deepEqual([found.parameters, found.products], [parameters + readout, 10 * (products + 15)], kind);
  }
});

test("attention looks back at every step: scores and sums of t vectors at step t", () => {
  const looks = Array.from({ length: 10 }, (_, t) => 2 * (t + 1) * 3).reduce((a, b) => a + b);
  assert.deepEqual(sizesOf("attention", SMALL), { parameters: 6 + 3 + 27 + 20, products: 10 * (6 + 27 + 15) + looks, path: 1 });
});

test("from the second layer on the inputs are the units below", () => {
  const found = sizesOf("lstm", SMALL, 3);
  assert.equal(found.parameters, 4 * (6 + 9) + 12 + 2 * (4 * (9 + 9) + 12) + 20);
  assert.equal(found.products, 10 * (4 * (6 + 9) + 2 * 4 * (9 + 9) + 15));
  assert.equal(found.path, 12);
});

test("the longest path from x_1 to the loss", () => {
  const every = withFields(SMALL, { "loss.at": "every" });
  const short = withFields(SMALL, { steps: 1 });
  const paths = (/** @type {string} */ kind) => [SMALL, every, short].map((experiment) => sizesOf(kind, experiment).path);
  assert.deepEqual(paths("elman"), [10, 10, 1]);
  assert.deepEqual(paths("attention"), [1, 1, 1]);
  assert.deepEqual(paths("feedforward"), [null, 1, 1], "x_1 reaches a loss at t = 1 alone");
});

test("a count is whole as long as it fits", () => {
  assert.deepEqual([7, 16_961, 999_999, 3_340_000, 9_999_999].map(countText), ["7", "16,961", "999,999", "3.34·10⁶", "1.00·10⁷"]);
});
