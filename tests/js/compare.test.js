import assert from "node:assert/strict";
import { test } from "node:test";

import { Flight } from "../../frontend/js/net/flight.js";
import { uncompared } from "../../frontend/js/net/wish.js";
import { apart } from "../../frontend/js/render/apart.js";
import { COMPARED_KINDS, comparedExperiment, fittingKinds, longNameOf } from "../../frontend/js/state/compare.js";
import { DEFAULT_EXPERIMENT, difference, withFields } from "../../frontend/js/state/experiment.js";
import { Store } from "../../frontend/js/state/store.js";

const EDITED = withFields(DEFAULT_EXPERIMENT, {
  "recurrent.edits": [{ op: "set", i: 3, j: 5, value: 0.2 }], "bias.edits": [{ op: "zero" }], "readout.edits": [{ op: "zero" }],
  "weights.file": "0".repeat(64), "weights.layer": 1, "input.kind": "noise", "loss.at": "every", "bias.forget": 5, steps: 50,
});

test("another cell is the same document without what belongs to the one matrix", () => {
  assert.deepEqual(difference(comparedExperiment(EDITED, "lstm")), { cell: { kind: "lstm" }, bias: { forget: 5 }, input: { kind: "noise" }, loss: { at: "every" }, steps: 50 });
  const gated = withFields(DEFAULT_EXPERIMENT, { "cell.kind": "gru", "cell.activation": "relu", "recurrent.gain": 1.5 });
  assert.deepEqual(difference(comparedExperiment(gated, "elman")), { cell: { activation: "relu" }, recurrent: { gain: 1.5 } });
});

test("feedforward is an Elman whose W_hh is 0", () => {
  const experiment = withFields(EDITED, { "cell.kind": "lstm", "cell.activation": "linear", "recurrent.spectral_radius": 1.2 });
  const { cell, recurrent } = comparedExperiment(experiment, "feedforward");
  assert.deepEqual([cell.kind, cell.activation], ["elman", "linear"]);
  assert.deepEqual(recurrent, { ...DEFAULT_EXPERIMENT.recurrent, gain: 0 });
});

test("the radius that the edited matrix was given last is that of the others", () => {
  const experiment = withFields(DEFAULT_EXPERIMENT, { "recurrent.gain": 3, "recurrent.edits": [{ op: "set", i: 0, j: 0, value: 1 }, { op: "radius", spectral_radius: 0.7 }] });
  assert.deepEqual(comparedExperiment(experiment, "gru").recurrent, { ...DEFAULT_EXPERIMENT.recurrent, spectral_radius: 0.7 });
});

test("nothing stands beside itself, nor twice, nor unknown", () => {
  assert.deepEqual(fittingKinds(["lstm", "elman", "lstm", "transformer", "", "feedforward"], { kind: "elman" }), ["lstm", "feedforward"]);
  assert.deepEqual(COMPARED_KINDS.map(longNameOf), ["Elman", "GRU", "LSTM", "feedforward (W_hh = 0)", "attention (not recurrent)"]);
});

test("a cell that becomes the main one leaves what is compared", () => {
  const store = new Store(DEFAULT_EXPERIMENT, { compare: ["lstm", "elman", "feedforward"] });
  assert.deepEqual(store.view.compare, ["lstm", "feedforward"]);
  const { compare } = store.view;
  store.edit({ steps: 20 }, { label: "T" });
  assert.equal(store.view.compare, compare, "what stays is the same list");
  store.edit({ "cell.kind": "lstm" }, { label: "cell" });
  assert.deepEqual(store.view.compare, ["feedforward"]);
});

test("an Experiment and how it is looked at are one change", () => {
  const store = new Store(DEFAULT_EXPERIMENT, { compare: ["lstm"] });
  /** @type {Array<readonly string[]>} */
  const seen = [];
  store.subscribe(() => seen.push(store.view.compare), new AbortController().signal);
  store.replace(withFields(DEFAULT_EXPERIMENT, { "cell.kind": "lstm" }), { label: "preset" }, { compare: ["elman"] });
  store.replace(store.experiment, { label: "again" }, { compare: [] });
  assert.deepEqual(seen, [["elman"], []]);
});

test("a compared run sends only what is shown of it", () => {
  const omitted = uncompared(withFields(DEFAULT_EXPERIMENT, { "cell.kind": "lstm" }), "f");
  assert.deepEqual(["W_hh", "eigenvalues", "singular_values", "W_xh", "x", "y", "c", "i", "g", "o"].filter((name) => !omitted.some((each) => each === name)), []);
  assert.ok(!omitted.includes("f"));
});

test("a flight goes on where one of it is refused", () => {
  const wish = { experiment: DEFAULT_EXPERIMENT, window: { t0: 0, t1: 200, columns: 200 }, omit: [], compared: /** @type {const} */ (["attention", "lstm"]).map((kind) => ({ kind, name: kind, experiment: comparedExperiment(DEFAULT_EXPERIMENT, kind), omit: [] })) };
  const flight = new Flight(wish, 7);
  assert.ok(flight.isOfMain);
  assert.equal(flight.next(8)?.experiment.cell.kind, "attention");
  assert.deepEqual([flight.isOfMain, flight.place, flight.current.id], [false, 1, 8]);
  flight.refuse({ type: "error", id: 8, code: "invalid_field", message: "cell.kind is unknown.", field: "cell.kind", got: "attention", expected: "elman" });
  const lstm = flight.next(9);
  assert.equal(flight.next(10), null);
  assert.equal(flight.share, 1);
  assert.deepEqual(flight.compared.map(({ run, problem, reason }) => [run, problem, reason]), [[null, "not known to this server", "cell.kind is unknown."], [lstm, "", ""]]);
});

test("names stand apart, in their order, inside their panel", () => {
  assert.deepEqual(apart([10, 50], 5, 0, 100), [10, 50]);
  assert.deepEqual(apart([50, 50], 10, 0, 100), [45, 55]);
  assert.deepEqual(apart([100, 0, 100], 10, 0, 100), [90, 0, 100]);
  assert.deepEqual(apart([3, 2, 1], 40, 0, 20), [20, 10, 0]);
  assert.deepEqual(apart([7], 10, 0, 5), [5]);
  assert.deepEqual(apart([], 10, 0, 5), []);
});
