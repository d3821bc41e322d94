import assert from "node:assert/strict";
import { test } from "node:test";

import { wantsOf } from "../../frontend/js/net/wants.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { decodeLink } from "../../frontend/js/state/link.js";
import { PRESETS } from "../../frontend/js/state/presets.js";
import { Store } from "../../frontend/js/state/store.js";
import { wordsAt } from "../../frontend/js/views/influence.js";
import { gradientPath, wordsOf } from "../../frontend/js/views/powers.js";

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

test("only what is shown is asked behind the panels, the most urgent first", () => {
  const view = { ...new Store(DEFAULT_EXPERIMENT).view };
  assert.deepEqual(wantsOf(view, false), []);
  assert.deepEqual(wantsOf({ ...view, top: "influence", bottom: "powers", side: "lyapunov", hasJacobian: true, eigenvalue: [0.5, 0] }, true), ["conditions", "lyapunov", "jacobian", "powers", "influence", "matrix_powers"]);
  assert.deepEqual(wantsOf({ ...view, top: "unrolled" }, false), []);
  assert.deepEqual(wantsOf({ ...view, top: "unrolled", cone: { t: 3, layer: null } }, false), ["influence"]);
  assert.deepEqual(wantsOf({ ...view, top: "atlas", bottom: "atlas", side: "state_space" }, false), ["state_space", "atlas"]);
});

test("the run's own gradient beside the powers is of a whole run with one loss at its end", () => {
  const high = Float64Array.of(-8, -6, -4, -2);
  const experiment = withFields(DEFAULT_EXPERIMENT, { steps: 4 });
  /** @param {object} changes */
  const run = (changes = {}) => /** @type {import("../../frontend/js/net/run.js").Run} */ (/** @type {unknown} */ ({ experiment, T: 4, columns: 4, window: { t0: 0, t1: 4, columns: 4 }, stepOf: (/** @type {number} */ k) => k, series: () => ({ low: high, high, mean: null }), ...changes }));
  assert.deepEqual(gradientPath(run()), [[0, 0], [1, -2], [2, -4], [3, -6]]);
  assert.deepEqual(gradientPath(run({ window: { t0: 0, t1: 3, columns: 3 } })), []);
  for (const changes of [{ "loss.at": "every" }, { "cell.layers": 2 }, { "generation.after": 2 }]) assert.deepEqual(gradientPath(run({ experiment: withFields(experiment, changes) })), [], JSON.stringify(changes));
});
