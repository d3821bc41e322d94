import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { bytesText, timeText } from "../../frontend/js/render/format.js";
import { costsOf, pathsOf } from "../../frontend/js/state/costs.js";
import { bytesOf, dimensionsOf } from "../../frontend/js/state/dimensions.js";
import { sizesOf } from "../../frontend/js/state/sizes.js";

const KINDS = /** @type {const} */ (["elman", "gru", "lstm", "attention"]);
/** Sizes that are all different primes, so that no two shapes are mistaken for one another. */
const PRIMES = withFields(DEFAULT_EXPERIMENT, { "cell.input_size": 2, "cell.hidden_size": 3, "cell.output_size": 5, steps: 7 });

/** @param {import("../../frontend/js/state/dimensions.js").Group} group @param {string} wire */
const shapeOf = (group, wire) => group.rows.find(({ wires }) => wires.includes(wire))?.axes.map(([, size]) => size);

test("the chapter's example has the chapter's numbers", () => {
  const { parameters, run } = dimensionsOf(withFields(DEFAULT_EXPERIMENT, { "cell.input_size": 256, "cell.hidden_size": 512, "cell.output_size": 10_000, steps: 100 }));
  const shapes = ["W_xh", "W_hh", "b_h", "W_hy", "b_y"].map((wire) => shapeOf(parameters, wire));
  assert.deepEqual(shapes, [[512, 256], [512, 512], [512], [10_000, 512], [10_000]]);
  assert.equal(parameters.count, 131_072 + 262_144 + 512 + 5_120_000 + 10_000);
  assert.deepEqual(shapeOf(run, "x"), [100, 256]);
});

test("parameters are those that comparing counts, whatever the cell and its layers", () => {
  for (const kind of KINDS) {
    for (const layers of kind === "attention" ? [1] : [1, 2, 4]) {
      const experiment = withFields(PRIMES, { "cell.kind": kind, "cell.layers": layers });
      assert.equal(dimensionsOf(experiment).parameters.count, sizesOf(kind, experiment).parameters, `${kind}, ${layers} layers`);
    }
  }
});

test("parameters and gradients of weights don't grow with T and B; a run does, and what is kept of it", () => {
  for (const kind of KINDS) {
    const [one, many] = [{}, { steps: 70, batch_size: 3 }].map((changes) => dimensionsOf(withFields(PRIMES, { "cell.kind": kind, ...changes })));
    assert.equal(one?.parameters.count, many?.parameters.count);
    assert.ok(Number(many?.run.count) > 20 * Number(one?.run.count));
    assert.ok(Number(many?.kept) > 20 * Number(one?.kept));
  }
  // x, h_0 and h_1 … h_T: the outputs need not be remembered.
  assert.equal(dimensionsOf(PRIMES).kept, 7 * 2 + 3 + 7 * 3);
});

test("sums are of their rows, and in all of their groups", () => {
  for (const kind of KINDS) {
    const { parameters, run, gradients, count } = dimensionsOf(withFields(PRIMES, { "cell.kind": kind, batch_size: 2 }));
    for (const group of [parameters, run, gradients]) assert.equal(group.count, group.rows.reduce((sum, row) => sum + row.count, 0), `${kind}: ${group.name}`);
    assert.equal(count, parameters.count + run.count + gradients.count);
  }
});

test("one unit, one step", () => {
  const { parameters, run, gradients, kept } = dimensionsOf(withFields(DEFAULT_EXPERIMENT, { "cell.hidden_size": 1, steps: 1 }));
  assert.deepEqual([parameters.count, run.count, gradients.count, kept], [5, 4, 6, 3]);
});

test("bytes and times in the units they are read in", () => {
  assert.deepEqual([0, 1, 999, 1000, 17_156, 20_480_000, 1e9, 5e15].map(bytesText), ["0 B", "1 B", "999 B", "1 kB", "17.2 kB", "20.5 MB", "1 GB", "5000 TB"]);
  assert.deepEqual([2e-7, 3.21e-4, 0.012_34, 2.5, NaN].map(timeText), ["0.2 µs", "321 µs", "12.3 ms", "2.5 s", "–"]);
  assert.deepEqual([bytesOf({ dtype: "float32" }), bytesOf({ dtype: "float64" })], [4, 8]);
});

test("forward costs are those that comparing counts", () => {
  for (const kind of KINDS) {
    for (const layers of kind === "attention" ? [1] : [1, 3]) {
      const experiment = withFields(PRIMES, { "cell.kind": kind, "cell.layers": layers });
      assert.equal(costsOf(experiment)[0]?.total, sizesOf(kind, experiment).products, `${kind}, ${layers} layers`);
    }
  }
});

test("every number is its formula's", () => {
  /** What a formula of the page comes to. @param {readonly string[]} terms */
  const value = (terms) => terms.reduce((sum, term) => sum + Function(`return ${term.replace(" once", "").replaceAll("²", "**2").replaceAll("·", "*").replace(/(\d)\(/g, "$1*(")}`)(), 0);
  for (const kind of KINDS) {
    for (const changes of [{}, { "loss.kind": "mse" }, { "loss.kind": "mse", "loss.at": "every" }, { "loss.at": "every" }, ...(kind === "attention" ? [] : [{ "cell.layers": 3, "loss.kind": "mse" }])]) {
      for (const { name, numbers, step, once, total } of costsOf(withFields(PRIMES, { "cell.kind": kind, ...changes }))) {
        const terms = numbers.split(", ");
        const single = terms.filter((term) => term.endsWith(" once"));
        assert.deepEqual([value(terms.filter((term) => !single.includes(term))), value(single)], [step, once], `${kind} ${JSON.stringify(changes)} ${name}: ${numbers}`);
        assert.equal(total, 7 * step + once);
      }
    }
  }
});

test("formulas as a student reads them", () => {
  const formulas = (/** @type {Record<string, unknown>} */ changes) => costsOf(withFields(PRIMES, changes)).map(({ formula }) => formula);
  assert.deepEqual(formulas({}), ["H·D + H² + O·H", "H²", "H·D + H²"]);
  assert.deepEqual(formulas({ "cell.kind": "lstm", "loss.kind": "mse" }), ["4(H·D + H²) + O·H", "4·H², O·H once", "4(H·D + H²), O·H once"]);
  assert.deepEqual(formulas({ "cell.kind": "gru", "cell.layers": 2, "loss.kind": "mse", "loss.at": "every" }), ["3(H·D + H²) + 6·H² + O·H", "9·H² + O·H", "3(H·D + H²) + 6·H² + O·H"]);
  assert.deepEqual(formulas({ "cell.kind": "attention", "loss.at": "every" }), ["H·D + 3·H² + (T + 1)·H + O·H", "2(T + 1)·H + 3·H²", "H·D + 3·H²"]);
});

test("a chain of T steps, and what attention pays for having none", () => {
  assert.deepEqual(pathsOf(PRIMES), { path: 7, pairs: 28 });
  assert.deepEqual(pathsOf(withFields(PRIMES, { "cell.layers": 3 })), { path: 9, pairs: 28 });
  assert.deepEqual(pathsOf(withFields(PRIMES, { "cell.kind": "attention" })), { path: 1, pairs: 28 });
  assert.deepEqual(pathsOf(withFields(PRIMES, { steps: 1 })), { path: 1, pairs: 1 });
});
