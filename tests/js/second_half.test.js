import assert from "node:assert/strict";
import { test } from "node:test";

import { PRESETS } from "../../frontend/js/state/presets.js";
import { decodeLink } from "../../frontend/js/state/link.js";
import { wordsAt } from "../../frontend/js/views/influence.js";
import { wordsOf } from "../../frontend/js/views/powers.js";

/** @param {readonly (readonly number[])[]} rows */
const map = (rows) => /** @type {import("../../frontend/js/views/influence.js").Influence} */ (/** @type {unknown} */ ({ edges: rows.map((_, k) => k).concat(rows.length), values: rows.flat() }));
const NONE = -Infinity;

test("the map says which inputs still matter at a step", () => {
  const three = map([[0, NONE, NONE], [-0.5, 0, NONE], [-4, -0.9, 0]]);
  const whole = (/** @type {string[][]} */ lines) => lines.map(([form]) => form).join("\n");
  assert.match(whole(wordsAt(three, 2)), /up to 1 step back/);
  assert.match(whole(wordsAt(three, 3)), /up to 1 step back/);
  assert.match(whole(wordsAt(three, 3)), /1\.0 · 10⁻⁴ of the strongest/);
  assert.match(whole(wordsAt(three, 1)), /latest input alone/);
  assert.match(whole(wordsAt(map([[NONE]]), 1)), /no input has any influence/);
  assert.equal(wordsAt(three, 3).at(-1)?.at(-1), "k ≥ 2 matter");
});

test("a power's curve is told by its top and by where it stays below 1", () => {
  assert.equal(wordsOf([0.2, 0.5, -0.1, -0.3]), "largest 3.16 at t = 2; below 1 from t = 3");
  assert.equal(wordsOf([-0.1, -0.2]), "largest 0.794 at t = 1; always below 1");
  assert.match(wordsOf([0.1, 0.2, 0.3]), /^grows to 2 at t = 3/);
});

test("every preset is a link that this page reads whole", async () => {
  for (const { name, hash } of PRESETS) assert.deepEqual((await decodeLink(hash)).problems, [], name);
});
