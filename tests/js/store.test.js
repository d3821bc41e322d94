import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { Store } from "../../frontend/js/state/store.js";

const ρ = "recurrent.spectral_radius";

test("an experiment is frozen to the bottom", () => {
  assert.throws(() => {
    /** @type {any} */ (DEFAULT_EXPERIMENT).cell.hidden_size = 3;
  }, TypeError);
  assert.ok(Object.isFrozen(withFields(DEFAULT_EXPERIMENT, { "recurrent.edits": [{ op: "set", i: 0, j: 0, value: 1 }] }).recurrent.edits));
});

test("undo and redo walk every step, in any order", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  const seen = [store.experiment];
  for (const steps of [10, 20, 30]) {
    store.edit({ steps }, { label: `T → ${steps}` });
    seen.push(store.experiment);
  }
  store.undo();
  store.undo();
  assert.equal(store.experiment, seen[1]);
  assert.equal(store.undoLabel, "T → 10");
  assert.equal(store.redoLabel, "T → 20");
  store.redo();
  assert.equal(store.experiment, seen[2]);
  store.undo();
  store.undo();
  store.undo();
  assert.equal(store.experiment, seen[0]);
  assert.equal(store.undoLabel, null);
});

test("a drag is one step, and the next drag another", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  for (const rho of [1.1, 1.2, 1.3]) store.edit({ [ρ]: rho }, { label: "ρ", merge: "rho" });
  store.endStep();
  for (const rho of [1.4, 1.5]) store.edit({ [ρ]: rho }, { label: "ρ", merge: "rho" });
  store.undo();
  assert.equal(store.experiment.recurrent.spectral_radius, 1.3);
  store.undo();
  assert.equal(store.experiment.recurrent.spectral_radius, null);
});

test("a change after undo forgets what was undone", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.edit({ steps: 10 }, { label: "a" });
  store.undo();
  store.edit({ steps: 20 }, { label: "b" });
  assert.equal(store.redoLabel, null);
  store.redo();
  assert.equal(store.experiment.steps, 20);
});

test("the view stays inside the experiment", () => {
  const store = new Store(DEFAULT_EXPERIMENT, { t: 180, cell: { i: 50, j: 50 }, span: [100, 190] });
  store.edit({ steps: 50, "cell.hidden_size": 10 }, { label: "smaller" });
  assert.deepEqual([store.view.t, store.view.cell, store.view.span], [50, null, null]);
  store.look({ t: -7 });
  assert.equal(store.view.t, 1);
});

test("subscribers hear a change once, and nothing where nothing changed", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  /** @type {string[]} */
  const heard = [];
  const hearing = new AbortController();
  store.subscribe((change) => heard.push(change), hearing.signal);
  store.edit({ steps: 200 }, { label: "no change" });
  store.look({ t: store.view.t });
  store.edit({ steps: 100 }, { label: "T" });
  store.look({ t: 3 });
  hearing.abort();
  store.look({ t: 4 });
  assert.deepEqual(heard, ["experiment", "view"]);
});
