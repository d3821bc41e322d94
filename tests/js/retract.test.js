import assert from "node:assert/strict";
import { test } from "node:test";

import { refusalOf } from "../../frontend/js/state/edits.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { Store } from "../../frontend/js/state/store.js";

/** @typedef {import("../../frontend/js/state/experiment.js").Edit} Edit */
/** @typedef {import("../../frontend/js/state/experiment.js").Experiment} Experiment */

/** @param {number} value @param {number} [j] @returns {Edit} */
const set = (value, j = 1) => ({ op: "set", i: 0, j, value });
/** @param {[number, number]} to @returns {Edit} */
const move = (to) => ({ op: "eigenvalue", at: [0.5, 0], to });

/** @param {Store} store @param {string} field @param {Experiment | null} [painted] @param {Experiment} [refused] */
function refuse(store, field, painted = null, refused = store.experiment) {
  const refusal = refusalOf({ code: "invalid_field", field }, refused, painted);
  assert.ok(refusal);
  store.retract(refusal, painted);
}

test("a refused step has never been: what stood is back, what could be redone too", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.operate("W_hh", set(1));
  store.undo();
  store.operate("W_hh", move([0.25, 0]));
  assert.equal(store.redoLabel, null);
  refuse(store, "recurrent.edits.0.at");
  assert.deepEqual(store.history, { labels: ["opened", "W_hh[1, 2] → 1"], position: 0 });
  store.redo();
  assert.deepEqual(store.experiment.recurrent.edits, [set(1)]);
});

test("a drag that ends in a refused place stands where it was painted last, and says so", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.operate("W_hh", move([0.25, 0]), { before: [], merge: "drag" });
  const painted = store.experiment;
  store.operate("W_hh", move([0, 0]), { before: [], merge: "drag" });
  refuse(store, "recurrent.edits.0.to", painted);
  assert.deepEqual(store.experiment.recurrent.edits, [move([0.25, 0])]);
  assert.deepEqual(store.history.labels, ["opened", "λ 0.5 → 0.25"]);
});

test("a number that was typed falls back to what stood, not to what came on the way", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.operate("W_hh", set(0.5));
  const before = store.experiment.recurrent.edits;
  store.operate("W_hh", set(1), { before, merge: "typed", isTyped: true });
  const painted = store.experiment;
  store.operate("W_hh", set(1e38), { before, merge: "typed", isTyped: true });
  refuse(store, "recurrent", painted); // the sum of a row speaks of no single operation
  assert.deepEqual(store.experiment.recurrent.edits, [set(0.5)]);
  assert.deepEqual(store.history.labels, ["opened", "W_hh[1, 2] → 0.5"]);
});

test("what a refusal of the whole matrix takes back is the last operation, and only where nothing else is new", () => {
  const painted = withFields(DEFAULT_EXPERIMENT, { "readout.edits": [set(1)] });
  const edited = withFields(DEFAULT_EXPERIMENT, { "readout.edits": [set(1), set(2e38, 2)] });
  assert.deepEqual(refusalOf({ code: "invalid_field", field: "readout.scale" }, edited, painted), { name: "W_hy", edits: [set(1), set(2e38, 2)] });
  assert.equal(refusalOf({ code: "invalid_field", field: "readout.scale" }, withFields(edited, { "readout.scale": 9 }), painted), null);
  assert.equal(refusalOf({ code: "busy", field: null }, edited, painted), null);
  assert.equal(refusalOf({ code: "invalid_field", field: "readout.scale" }, edited, null), null);
});

test("no later step keeps what an earlier one could not do", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.operate("W_hh", set(1));
  store.operate("W_hh", move([0.25, 0]));
  store.edit({ steps: 50 }, { label: "T → 50" });
  store.operate("W_hh", { op: "eigenvalue", at: [0.25, 0.5], to: [0.1, 0] });
  refuse(store, "recurrent.edits.1.at");
  refuse(store, "recurrent.edits.1.at");
  assert.deepEqual(store.experiment.recurrent.edits, [set(1)]);
  assert.deepEqual(store.history, { labels: ["opened", "W_hh[1, 2] → 1", "T → 50"], position: 2 });
  store.undo();
  assert.deepEqual([store.experiment.steps, store.experiment.recurrent.edits], [200, [set(1)]]);
});

test("a refusal of what the hand has left changes nothing that stands", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.operate("W_hh", move([0, 0]), { before: [], merge: "drag" });
  const refused = store.experiment;
  store.operate("W_hh", move([0.4, 0]), { before: [], merge: "drag" });
  const { experiment } = store;
  refuse(store, "recurrent.edits.0.to", DEFAULT_EXPERIMENT, refused);
  assert.equal(store.experiment, experiment);
});

test("a step that is broken off, or comes back to its beginning, has never been", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.operate("W_hh", set(1));
  store.undo();
  store.operate("W_hh", set(2), { merge: "scrub" });
  store.abandon("another");
  assert.equal(store.undoLabel, "W_hh[1, 2] → 2");
  store.abandon("scrub");
  assert.deepEqual([store.experiment.recurrent.edits, store.redoLabel], [[], "W_hh[1, 2] → 1"]);
});

test("edits that had no place for a moment are there again once they have one", () => {
  const store = new Store(withFields(DEFAULT_EXPERIMENT, { "cell.hidden_size": 16 }));
  store.operate("W_hh", { op: "set", i: 12, j: 12, value: 2 });
  for (const H of [2, 24]) store.edit({ "cell.hidden_size": H }, { label: `H → ${H}`, merge: "H" });
  assert.equal(store.experiment.recurrent.edits.length, 1);
  assert.equal(store.lostTo("cell.hidden_size"), 0);
  store.edit({ "cell.hidden_size": 4 }, { label: "H → 4", merge: "H" });
  assert.deepEqual(store.experiment.recurrent.edits, []);
  assert.equal(store.lostTo("cell.hidden_size"), 1);
  assert.equal(store.undoLabel, "H → 4, 1 edit left out");
  store.undo();
  assert.equal(store.experiment.recurrent.edits.length, 1);
});
