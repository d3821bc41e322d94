import assert from "node:assert/strict";
import { test } from "node:test";

import { Run, Standing } from "../../frontend/js/net/run.js";
import { readFrame } from "../../frontend/js/net/tensors.js";
import { windowFor } from "../../frontend/js/net/wish.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";

/**
 * A safetensors file as the server writes it.
 * @param {Record<string, string>} metadata
 * @param {Record<string, {shape: number[], data: Float32Array | Float64Array}>} tensors
 */
function frame(metadata, tensors) {
  /** @type {Record<string, unknown>} */
  const header = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: data instanceof Float64Array ? "F64" : "F32", shape, data_offsets: [offset, (offset += data.byteLength)] };
  }
  const json = JSON.stringify(header);
  const padded = new TextEncoder().encode(json + " ".repeat((8 - (json.length % 8)) % 8));
  const buffer = new ArrayBuffer(8 + padded.length + offset);
  new DataView(buffer).setBigUint64(0, BigInt(padded.length), true);
  new Uint8Array(buffer, 8).set(padded);
  let at = 8 + padded.length;
  for (const { data } of Object.values(tensors)) {
    new Uint8Array(buffer, at).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    at += data.byteLength;
  }
  return buffer;
}

const small = withFields(DEFAULT_EXPERIMENT, { steps: 4, "cell.hidden_size": 2 });

test("a frame is read in place", () => {
  const buffer = frame({ id: "7", kind: "states" }, { log10_norm_h: { shape: [2], data: Float64Array.of(-Infinity, 3) }, h: { shape: [2, 2], data: Float32Array.of(1, 2, 3, Infinity) } });
  const { metadata, tensors } = readFrame(buffer);
  assert.equal(metadata.id, "7");
  assert.equal(tensors.h?.data.buffer, buffer);
  assert.deepEqual([...(tensors.h?.data ?? [])], [1, 2, 3, Infinity]);
  assert.deepEqual([...(tensors.log10_norm_h?.data ?? [])], [-Infinity, 3]);
});

test("a frame that is cut off is refused", () => {
  const buffer = frame({ kind: "states" }, { h: { shape: [1, 2], data: Float32Array.of(1, 2) } });
  assert.throws(() => readFrame(buffer.slice(0, 4)), /too short/);
  assert.throws(() => readFrame(buffer.slice(0, 20)), /cut off/);
});

test("states fill a run from the left, gradients from the right", () => {
  const run = new Run(1, small, { t0: 0, t1: 4, columns: 4 });
  const states = (/** @type {number} */ t0, /** @type {number[]} */ values) => readFrame(frame({ kind: "states", t0: String(t0), t1: String(t0 + values.length) }, {
    log10_norm_h: { shape: [values.length], data: Float64Array.from(values) },
    h: { shape: [values.length, 2], data: Float32Array.from(values.flatMap((value) => [value, -value])) },
  }));
  run.take(states(0, [1]));
  assert.equal(run.statesEnd, 1);
  assert.ok(Number.isNaN(run.valueAt("log10_norm_h", 2)));
  run.take(states(1, [2, 3, 4]));
  assert.equal(run.statesEnd, 4);
  assert.deepEqual([...run.layer("h")], [1, -1, 2, -2, 3, -3, 4, -4]);
  run.take(readFrame(frame({ kind: "gradients", t0: "2", t1: "4" }, { log10_grad_h: { shape: [2], data: Float64Array.of(-1, 0) } })));
  assert.equal(run.gradientsStart, 2);
  assert.equal(run.valueAt("log10_grad_h", 3), 0);
});

test("of a batch one sequence is shown, or the mean and the extremes", () => {
  const run = new Run(1, withFields(small, { batch_size: 2, steps: 2 }), { t0: 0, t1: 2, columns: 2 });
  run.take(readFrame(frame({ kind: "states", t0: "0", t1: "2" }, {
    log10_norm_h: { shape: [2, 2], data: Float64Array.of(1, 2, 8, 9) },
    h: { shape: [2, 2, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  })));
  assert.deepEqual([...run.layer("h")], [1, 2, 3, 4]);
  assert.deepEqual([...run.series("log10_norm_h").high], [1, 2]);
  run.sequence = 1;
  assert.deepEqual([...run.layer("h")], [5, 6, 7, 8]);
  assert.equal(run.valueAt("log10_norm_h", 1), 9);
  run.sequence = "mean";
  assert.deepEqual([...run.layer("h")], [3, 4, 5, 6]);
  const { low, high, mean } = run.series("log10_norm_h");
  assert.deepEqual([[...low], [...high], [...(mean ?? [])]], [[1, 2], [8, 9], [4.5, 5.5]]);
});

test("columns and steps agree as the wire's bins say", () => {
  const run = new Run(1, withFields(DEFAULT_EXPERIMENT, { steps: 1000 }), { t0: 10, t1: 997, columns: 123 });
  for (let column = 0; column < run.columns; column++) {
    assert.equal(run.columnOf(run.stepOf(column)), column);
    assert.equal(run.columnOf(run.stepOf(column + 1) - 1), column);
  }
});

test("binned norms keep both extremes", () => {
  const run = new Run(1, withFields(small, { steps: 2000 }), { t0: 0, t1: 2000, columns: 2 });
  assert.equal(run.hasView, true);
  run.take(readFrame(frame({ kind: "gradients", t0: "0", t1: "2000" }, { log10_grad_h: { shape: [2, 2], data: Float64Array.of(-9, -2, -1, 0) } })));
  assert.deepEqual([...run.series("log10_grad_h").low], [-9, -1]);
  assert.deepEqual([...run.series("log10_grad_h").high], [-2, 0]);
});

test("standing frames stay until the next of their kind", () => {
  const standing = new Standing();
  assert.equal(standing.take(readFrame(frame({ kind: "matrix" }, { W_hh: { shape: [1, 1], data: Float32Array.of(2) } }))), true);
  assert.equal(standing.take(readFrame(frame({ kind: "states" }, {}))), false);
  assert.equal(standing.copy().matrix.W_hh?.data[0], 2);
});

test("a hand that moves gets as many columns as there are pixels", () => {
  const run = withFields(DEFAULT_EXPERIMENT, { steps: 1000 });
  assert.deepEqual(windowFor(run, null, 552, true), { t0: 0, t1: 1000, columns: 600 });
  assert.deepEqual(windowFor(run, null, 552, false), { t0: 0, t1: 1000, columns: 1000 });
  const wide = withFields(run, { "cell.hidden_size": 256 });
  assert.equal(windowFor(wide, null, 552, true).columns, 313, "and where there are many units, fewer");
  assert.deepEqual(windowFor(DEFAULT_EXPERIMENT, null, 552, true), windowFor(DEFAULT_EXPERIMENT, null, 552, false), "nothing is gained where steps are fewer");
});

test("a short run is wanted whole, a long one in columns", () => {
  assert.deepEqual(windowFor(small, [1, 3], 700, false), { t0: 0, t1: 4, columns: 4 });
  const long = withFields(DEFAULT_EXPERIMENT, { steps: 10_000 });
  assert.deepEqual(windowFor(long, null, 731, false), { t0: 0, t1: 10_000, columns: 800 });
  assert.deepEqual(windowFor(long, [500, 600], 731, true), { t0: 500, t1: 600, columns: 100 });
});

/** @param {Run} run */
const isHere = (run) => run.W_hh !== undefined;

test("a drawn matrix times its factor is rounded to the run's dtype; an edited one comes as it is", () => {
  const [drawn, scale] = [Float64Array.of(0.1, -1 / 3, 1e-40, 3), 1.37];
  for (const dtype of /** @type {const} */ (["float32", "float64"])) {
    const run = new Run(1, withFields(small, { dtype }), { t0: 0, t1: 4, columns: 4 });
    assert.equal(isHere(run), false);
    run.standing.take(readFrame(frame({ kind: "matrix" }, { W_hh_drawn: { shape: [2, 2], data: drawn } })));
    assert.equal(isHere(run), false);
    run.standing.take(readFrame(frame({ kind: "spectrum" }, { W_hh_scale: { shape: [1], data: Float64Array.of(scale) } })));
    const round = dtype === "float32" ? Math.fround : (/** @type {number} */ x) => x;
    assert.deepEqual([...(run.W_hh?.data ?? [])], [...drawn].map((each) => round(scale * each)));
  }
  const edited = new Run(2, small, { t0: 0, t1: 4, columns: 4 });
  edited.standing.take(readFrame(frame({ kind: "matrix" }, { W_hh: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } })));
  assert.deepEqual([...(edited.W_hh?.data ?? [])], [1, 2, 3, 4]);
});
