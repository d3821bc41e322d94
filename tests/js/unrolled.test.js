import assert from "node:assert/strict";
import { test } from "node:test";

import { Run } from "../../frontend/js/net/run.js";
import { unshown } from "../../frontend/js/net/wish.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { decodeLink, encodeLink } from "../../frontend/js/state/link.js";
import { Store } from "../../frontend/js/state/store.js";
import { coneOf, hasStrengths, influenceAt, strengthsOf } from "../../frontend/js/views/unrolled_cone.js";
import { layoutOf, PARTS, under } from "../../frontend/js/views/unrolled_layout.js";
import { coneWords, depthWords, nameOfInput, percentText, shareAt, shareWords, shortPercent, shortPower, subscript } from "../../frontend/js/views/unrolled_words.js";

/** @param {Record<string, unknown>} changes */
const made = (changes) => withFields(DEFAULT_EXPERIMENT, changes);
/** @param {Partial<import("../../frontend/js/views/unrolled_layout.js").Request>} changes */
const request = (changes) => ({ width: 640, height: 210, text_px: 11.5, T: 200, t: 100, unroll: 1, layers: 1, hasOutputs: true, hasNames: false, ...changes });
const SIZES = [{ width: 640, height: 210, text_px: 11.5 }, { width: 1100, height: 380, text_px: 11.5 }, { width: 358, height: 200, text_px: 11.5 }, { width: 890, height: 180, text_px: 20 }, { width: 300, height: 120, text_px: 20 }];

test("every step is drawn once, as a cell or in a ribbon, in the order of time", () => {
  for (const size of SIZES) {
    for (const T of [1, 2, 3, 7, 8, 9, 10, 13, 200, 100_000]) {
      for (const t of new Set([1, Math.min(2, T), Math.ceil(T / 2), Math.max(T - 1, 1), T])) {
        const { slots, ribbons } = layoutOf(request({ ...size, T, t }));
        const parts = [...slots.map(({ step }) => [step, step]), ...ribbons.map(({ first, last }) => [first, last])].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
        const ends = parts.map(([, last]) => last);
        assert.deepEqual(parts.map(([first]) => first), [1, ...ends.slice(0, -1).map((last) => (last ?? 0) + 1)], `T ${T} t ${t}`);
        assert.equal(ends.at(-1), T);
        assert.ok(slots.some(({ step }) => step === t), `the cursor’s step is always a cell: T ${T} t ${t} in ${size.width}`);
      }
    }
  }
});

test("nothing lies on its neighbour or outside the picture", () => {
  for (const size of SIZES) {
    for (const T of [1, 6, 200, 100_000]) {
      for (const t of [1, Math.ceil(T / 2), T]) {
        const { slots, ribbons, e, rows, matrixY, inputY, outputY } = layoutOf(request({ ...size, T, t }));
        const spans = [...slots.map(({ x }) => [x + (PARTS.matrix - PARTS.matrixHalf) * e, x + (PARTS.column + PARTS.columnHalf) * e]), ...ribbons.map(({ left, right }) => [left, right])].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
        const start = Math.min(...slots.map(({ x }) => x + (PARTS.start - PARTS.columnHalf) * e));
        assert.ok(start >= 0 && (spans.at(-1)?.[1] ?? 0) <= size.width, `T ${T} in ${size.width}`);
        spans.slice(1).forEach(([left = 0], k) => assert.ok(left >= (spans[k]?.[1] ?? 0) - 1e-6, `T ${T} t ${t} in ${size.width}`));
        const y = rows[0]?.y ?? NaN;
        assert.ok(matrixY < outputY && outputY < y && y < inputY && inputY <= size.height);
      }
    }
  }
});

test("condensed steps all have the same width, so the cells in between move evenly with the cursor", () => {
  const at = (/** @type {number} */ t) => layoutOf(request({ t }));
  const each = at(60).ribbons.map(({ first, last, left, right }) => (right - left) / (last - first + 1));
  assert.ok(Math.abs((each[0] ?? 0) - (each[1] ?? 1)) < 1e-9);
  const steps = [60, 61, 62].map((t) => at(t).xOf(t));
  assert.ok(Math.abs((steps[2] ?? 0) - (steps[1] ?? 0) - (each[0] ?? 0)) < 1e-6);
  const { xOf } = at(100);
  for (let step = 2; step <= 200; step++) assert.ok(xOf(step) > xOf(step - 1));
});

test("a few steps more are drawn smaller before any is condensed", () => {
  assert.equal(layoutOf(request({ T: 10, t: 3 })).ribbons.length, 0);
  assert.equal(layoutOf(request({ T: 10, t: 3 })).slots.length, 10);
  assert.ok(layoutOf(request({ T: 10, t: 3 })).e < layoutOf(request({ T: 4, t: 3 })).e);
});

test("names of inputs stand below the states' own line", () => {
  const room = (/** @type {boolean} */ hasNames) => {
    const { inputY, rows, e } = layoutOf(request({ hasNames }));
    return inputY - ((rows[0]?.y ?? 0) + PARTS.tall * e);
  };
  assert.ok(room(true) > 2.2 * 11.5 && room(true) > room(false));
});

test("folded, all copies of the cell lie on one another", () => {
  const { slots, ribbons, centre } = layoutOf(request({ unroll: 0 }));
  assert.deepEqual(new Set(slots.map(({ x }) => x)), new Set([centre]));
  for (const { left, right } of ribbons) assert.deepEqual([left, right], [centre, centre]);
  const stepsAt = (/** @type {number} */ unroll) => layoutOf(request({ T: 8, t: 3, unroll })).slots.map(({ step }) => step);
  for (const unroll of [0, 0.3, 0.7]) assert.deepEqual(stepsAt(unroll), stepsAt(1), "no step comes or goes on the way");
  const [from, half, to] = [0, 0.5, 1].map((unroll) => layoutOf(request({ unroll })).slots[0]?.x ?? NaN);
  assert.ok((from ?? 0) > (half ?? 0) && (half ?? 0) > (to ?? 0));
});

test("more layers than have room leave the top one and the lowest", () => {
  const { rows, hidden } = layoutOf(request({ layers: 16 }));
  assert.equal(rows.length + hidden, 16);
  assert.deepEqual([rows[0]?.layer, rows.at(-1)?.layer], [0, 15]);
  rows.slice(1).forEach(({ y }, k) => assert.ok(y < (rows[k]?.y ?? 0)));
});

test("a place in the picture is a state, a condensed step, or beside both", () => {
  const layout = layoutOf(request({}));
  const { slots, ribbons, rows } = layout;
  const y = rows[0]?.y ?? 0;
  for (const { step, x } of slots) assert.deepEqual(under(layout, x, y), { kind: "state", step, layer: 0 });
  for (const { first, last, left, right } of ribbons) {
    assert.deepEqual(under(layout, left + 0.01, y), { kind: "ribbon", step: first });
    assert.deepEqual(under(layout, right - 0.01, y), { kind: "ribbon", step: last });
  }
  assert.equal(under(layout, slots[0]?.x ?? 0, 5), null);
});

test("the cone of a state: all before it, all after it, and what belongs to them", () => {
  const cone = coneOf({ t: 3, layer: null }, made({ steps: 5 }));
  assert.deepEqual([1, 2, 3, 4, 5].map((step) => cone.state(step, 0)), ["past", "past", "self", "future", "future"]);
  assert.deepEqual([1, 3, 4].map((step) => cone.input(step)), ["past", "past", null]);
  assert.deepEqual([2, 3, 5].map((step) => cone.output(step)), [null, "future", "future"]);
});

test("in a stack the cone opens downwards into the past and upwards into the future", () => {
  const cone = coneOf({ t: 3, layer: 1 }, made({ steps: 5, "cell.layers": 3 }));
  const sides = [0, 1, 2].map((layer) => [2, 3, 4].map((step) => cone.state(step, layer)));
  assert.deepEqual(sides, [["past", "past", null], ["past", "self", "future"], [null, "future", "future"]]);
});

test("what is fed back is in the cone on both sides", () => {
  const cone = coneOf({ t: 6, layer: null }, made({ steps: 9, "generation.after": 4 }));
  assert.deepEqual([4, 5, 6, 7].map((step) => cone.input(step)), ["past", "past", "past", "future"]);
  assert.deepEqual([3, 4, 5, 6].map((step) => cone.output(step)), [null, "past", "past", "future"]);
});

test("attention depends on its inputs alone", () => {
  const cone = coneOf({ t: 3, layer: null }, made({ "cell.kind": "attention", steps: 5 }));
  assert.deepEqual([2, 3, 4].map((step) => cone.state(step, 0)), [null, "self", null]);
  assert.deepEqual([1, 3, 4].map((step) => cone.input(step)), ["past", "past", null]);
});

/** log10 ‖∂h_t/∂x_k‖ = k - 2t for k ≤ t. @param {import("../../frontend/js/state/experiment.js").Experiment} of @param {readonly number[]} edges */
const map = (of, edges) => {
  const n = edges.length - 1;
  const values = Float64Array.from({ length: n * n }, (_, at) => (at % n <= Math.floor(at / n) ? (at % n) - 2 * Math.floor(at / n) : -Infinity));
  return { of, window: { t0: 0, t1: edges.at(-1) ?? 0, columns: n }, edges, values, problem: "" };
};

test("strengths are the map's own numbers: backwards its row, forwards its column", () => {
  const experiment = made({ steps: 5 });
  const influence = map(experiment, [0, 1, 2, 3, 4, 5]);
  const cone = coneOf({ t: 3, layer: null }, experiment);
  assert.ok(hasStrengths(influence, experiment, cone));
  assert.ok(!hasStrengths(influence, made({ steps: 6 }), cone) && !hasStrengths(null, experiment, cone));
  assert.equal(influenceAt(influence, 3, 1), -4);
  assert.ok(Number.isNaN(influenceAt(influence, 2, 3)), "no state depends on a later input");
  const strength = strengthsOf(influence, 3);
  assert.deepEqual([1, 2, 3, 4, 5].map(strength), [-2, -1, 0, -2, -4]);
  const binned = map(experiment, [0, 2, 4, 5]);
  assert.deepEqual([1, 2, 3, 4, 5].map((k) => influenceAt(binned, 5, k)), [-4, -4, -3, -3, -2]);
  assert.ok(!hasStrengths(binned, experiment, coneOf({ t: 3, layer: 0 }, made({ steps: 5, "cell.layers": 2 }))) || experiment.cell.layers === 1);
});

test("the depth is said with its numbers", () => {
  assert.equal(depthWords(made({ steps: 200 })), "Depth T = 200: the longest path from x₁ to L passes W_hh T − 1 = 199 times.");
  assert.match(depthWords(made({ steps: 2 })), /T − 1 = 1 time\./);
  assert.match(depthWords(made({ steps: 1 })), /T − 1 = 0 times/);
  assert.equal(depthWords(made({ steps: 200, "cell.layers": 3 })), "Depth T + layers − 1 = 202: the longest path from x₁ to L passes W_hh 199 times and goes up twice.");
  assert.match(depthWords(made({ "cell.kind": "attention" })), /^Depth 1, whatever T is/);
  assert.match(depthWords(made({ "cell.kind": "lstm" })), /gate f/);
  assert.match(depthWords(made({ "generation.after": 10 })), /W_xh W_hy/);
});

/** A run whole with these shares. @param {readonly number[]} logs @param {Partial<import("../../frontend/js/net/wire.js").StepShares>} shares @param {{columns?: number, steps?: number}} [window] */
function runWith(logs, shares, { steps = logs.length, columns = logs.length } = {}) {
  const run = new Run(1, made({ steps }), { t0: 0, t1: steps, columns });
  const data = columns < steps ? Float64Array.from(logs.flatMap((value) => [value - 1, value])) : Float64Array.from(logs);
  run.take({ metadata: { kind: "gradients", t0: "0", t1: String(steps) }, tensors: { log10_grad_W_hh: { data, shape: columns < steps ? [columns, 2] : [columns] } } });
  run.done = /** @type {import("../../frontend/js/net/wire.js").Done} */ (/** @type {unknown} */ ({ diagnosis: { shares: { log10_sum: 0, log10_largest: -0.5, largest_step: 2, steps_of_half: 2, ...shares } } }));
  return run;
}

test("a step's share is its own norm over the sum of all", () => {
  const run = runWith([-2, -1, -0.5], {});
  assert.equal(shareAt(run, 1)?.decades, -2);
  assert.equal(shareWords(run, 2), "Step 2 pays 10 % of ∂L/∂W_hh, step 3 the most: 32 %. 2 of 3 steps make half.");
  assert.match(shareWords(run, 3), /^Step 3 pays 32 % of ∂L\/∂W_hh, the most of all/);
  assert.equal(shareWords(runWith([-Infinity, -Infinity], { log10_sum: null, log10_largest: null, largest_step: null, steps_of_half: 0 }), 1), "No step pays for W_hh: ∂L/∂W_hh is zero.");
  assert.equal(shareWords(null, 1), "");
});

test("a column of several steps says what its largest is", () => {
  const run = runWith([-3, -1], { largest_step: 9 }, { steps: 10, columns: 2 });
  assert.match(shareWords(run, 7), /^Steps 6…10 pay at most 10 %/);
});

test("shares and powers fit small places and stay true", () => {
  assert.deepEqual([0, -1, -1.4685, -4, -8.2, -Infinity].map(percentText), ["100 %", "10 %", "3.4 %", "0.01 %", "6.3 · 10⁻⁷ %", "0 %"]);
  assert.equal(shortPercent(-20.3), "10⁻¹⁸ %");
  assert.deepEqual([0, -1, -8.2, 12.4, -Infinity].map(shortPower), ["1", "0.1", "10⁻⁸", "10¹²", "0"]);
  assert.equal(subscript(2047), "₂₀₄₇");
});

test("a cone is said in words, with its ends", () => {
  const of = (/** @type {number} */ t, /** @type {Record<string, unknown>} */ changes = {}) => {
    const experiment = made({ steps: 5, ...changes });
    return coneWords(coneOf({ t, layer: null }, experiment), experiment, "Structure alone.");
  };
  assert.equal(of(3), "h₃ depends on x₁ … x₃, h₀ … h₂ and W_hh 3 times; on it h₄ … h₅ and L. Structure alone.");
  assert.equal(of(1), "h₁ depends on x₁, h₀ and W_hh 1 time; on it h₂ … h₅ and L. Structure alone.");
  assert.equal(of(5), "h₅ depends on x₁ … x₅, h₀ … h₄ and W_hh 5 times; on it L. Structure alone.");
  assert.match(of(3, { "cell.kind": "attention" }), /no state before it\. Nothing in this L depends on it/);
  assert.match(of(5, { "cell.kind": "attention" }), /L depends on it/);
});

test("a link carries how far it is unrolled and which cone is lit", async () => {
  const experiment = made({ steps: 50, "cell.layers": 2 });
  const hash = await encodeLink(experiment, { unroll: 0.25, cone: { t: 12, layer: 0 } });
  assert.match(hash, /&unroll=0\.25&cone=12,1$/);
  const { view } = await decodeLink(hash);
  assert.deepEqual([view.unroll, view.cone], [0.25, { t: 12, layer: 0 }]);
  assert.doesNotMatch(await encodeLink(experiment, { unroll: 1, cone: null }), /unroll|cone/);
  for (const wrong of ["#T=50&unroll=2&cone=x", "#T=50&unroll=-1&cone=0", "#T=50&unroll=NaN&cone=3,0"]) {
    const read = await decodeLink(wrong);
    assert.deepEqual([read.view.unroll, read.view.cone, read.problems], [1, null, []], wrong);
  }
});

test("a cone stays within the network", () => {
  const store = new Store(made({ steps: 50, "cell.layers": 2 }), { cone: { t: 12, layer: 1 } });
  assert.deepEqual(store.view.cone, { t: 12, layer: null }, "the top layer has no number");
  store.look({ cone: { t: 12, layer: 0 } });
  store.edit({ "cell.layers": 1 }, { label: "one" });
  assert.deepEqual(store.view.cone, { t: 12, layer: null });
  store.edit({ steps: 10 }, { label: "fewer" });
  assert.equal(store.view.cone, null);
});

test("inputs are sent where the unrolled network shows them, and nowhere else", () => {
  const view = { matrix: /** @type {const} */ ("W_hh"), layer: "h" };
  const experiment = made({ "cell.hidden_size": 64 });
  assert.ok(unshown(experiment, { ...view, top: "hidden_states" }).includes("x"));
  assert.ok(!unshown(experiment, { ...view, top: "unrolled" }).includes("x"));
  assert.ok(unshown(made({ "cell.input_size": 2000 }), { ...view, top: "unrolled" }).includes("x"));
  assert.ok(!unshown(made({ "cell.kind": "lstm" }), { ...view, top: "unrolled" }).includes("c"));
  assert.equal(nameOfInput(null, 1), null);
});
