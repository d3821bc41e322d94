import assert from "node:assert/strict";
import { test } from "node:test";

import { hasArithmetic, unshown, windowFor } from "../../frontend/js/net/wish.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";

/** @param {Record<string, unknown>} changes */
const made = (changes) => withFields(DEFAULT_EXPERIMENT, changes);

test("a sum of one unit is shown only where its weights and states are of one layer", () => {
  assert.equal(hasArithmetic(made({ "cell.hidden_size": 4 }).cell), true);
  for (const other of [{ "cell.layers": 2 }, { "cell.kind": "lstm" }, { "cell.kind": "attention" }, { "cell.hidden_size": 9 }]) assert.equal(hasArithmetic(made({ "cell.hidden_size": 4, ...other }).cell), false);
});

test("a large batch asks for fewer columns while a hand moves, and for all of them at rest", () => {
  const [one, many] = [made({}), made({ batch_size: 256 })];
  assert.equal(windowFor(one, null, 600, true).columns, 200);
  assert.ok(windowFor(many, null, 600, true).columns <= 64);
  assert.equal(windowFor(many, null, 600, false).columns, 200);
});

test("probabilities are asked for where bars show them, and the input where a class was drawn", () => {
  const view = { matrix: /** @type {const} */ ("W_hh"), layer: "h" };
  assert.ok(unshown(made({}), view).includes("y"));
  const writes = made({ "output.kind": "classes", "generation.after": 5 });
  assert.ok(!unshown(writes, view).includes("p") && !unshown(writes, view).includes("x"));
  assert.ok(unshown(made({ "output.kind": "classes", "cell.output_size": 10_000 }), view).includes("p"));
});
