// What is said of a picture to those who hear it.
import assert from "node:assert/strict";
import test from "node:test";
import { aloud } from "../../frontend/js/ui/spoken.js";

test("signs that a voice leaves out become words", () => {
  assert.equal(aloud("Gradients vanish: ×0.71 per step back, below 10⁻⁶ after 38 steps."), "Gradients vanish: times 0.71 per step back, below 10 to the minus 6 after 38 steps.");
  assert.equal(aloud("8.4 · 10⁻³⁷ arrives at t = 1"), "8.4 times 10 to the minus 37 arrives at step 1");
  assert.equal(aloud("×1.0 · 10¹² over 199 steps"), "times 1.0 times 10 to the 12 over 199 steps");
  assert.equal(aloud("−0.5"), "minus 0.5");
});
