import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { changesTo, consequences, formOf, generates, wordsFor } from "../../frontend/js/state/forms.js";
import { Store } from "../../frontend/js/state/store.js";

/** @param {Record<string, unknown>} changes */
const made = (changes) => withFields(DEFAULT_EXPERIMENT, changes);

for (const form of /** @type {const} */ (["many_to_one", "many_to_many", "generation"])) {
  test(`a network given the form ${form} has it, and from every other form`, () => {
    for (const start of [made({}), made({ "loss.at": "every" }), made({ "generation.after": 7 })]) assert.equal(formOf(withFields(start, changesTo(form, start))), form);
  });
}

test("in a run of one step there is nothing to feed back, and it is said", () => {
  assert.equal(changesTo("generation", made({ steps: 1 }))["generation.after"], 1);
  assert.equal(generates(made({ steps: 1, "generation.after": 1 })), false);
  assert.match(wordsFor(made({ steps: 1, "generation.after": 1 })), /nothing is fed back/);
  assert.equal(generates(made({ steps: 2, "generation.after": 1 })), true);
  assert.match(wordsFor(made({ steps: 2, "generation.after": 1 })), /goes in/);
});

test("what is fed back has the size of the input, and the size that moved leads", () => {
  const store = new Store(made({ "cell.input_size": 3, "cell.output_size": 5 }));
  store.edit({ "generation.after": 20 }, { label: "form" });
  assert.deepEqual([store.experiment.cell.input_size, store.experiment.cell.output_size], [3, 3]);
  store.edit({ "cell.output_size": 4 }, { label: "O" });
  assert.deepEqual([store.experiment.cell.input_size, store.experiment.cell.output_size], [4, 4]);
  store.edit({ "cell.input_size": 2 }, { label: "D" });
  assert.deepEqual([store.experiment.cell.input_size, store.experiment.cell.output_size], [2, 2]);
  store.undo();
  store.undo();
  store.undo();
  assert.deepEqual([store.experiment.cell.input_size, store.experiment.cell.output_size], [3, 5]);
});

test("of generation and several layers the one that came last stands", () => {
  const generating = made({ "generation.after": 20 });
  assert.deepEqual(consequences(generating, withFields(generating, { "cell.layers": 2 })), { "generation.after": null });
  const stacked = made({ "cell.layers": 2 });
  assert.deepEqual(consequences(stacked, withFields(stacked, { "generation.after": 5 })), { "cell.layers": 1 });
});

test("a target that fits no longer goes", () => {
  const before = made({ "loss.kind": "mse", "loss.target": [1] });
  assert.deepEqual(consequences(before, withFields(before, { "loss.kind": "cross_entropy" })), { "loss.target": null });
  assert.deepEqual(consequences(before, withFields(before, { "loss.at": "every" })), {});
  assert.deepEqual(consequences(before, withFields(before, { steps: 50 })), {}, "one target for all steps stays");
  const rows = made({ "loss.kind": "mse", "loss.target": [[1], [2]], steps: 2 });
  assert.deepEqual(consequences(rows, withFields(rows, { steps: 3 })), { "loss.target": null });
  const classes = made({ "loss.kind": "cross_entropy", "loss.target": 3, "cell.output_size": 4, "cell.input_size": 2 });
  assert.deepEqual(consequences(classes, withFields(classes, { "generation.after": 5 })), { "cell.output_size": 2, "loss.target": null });
  assert.deepEqual(consequences(classes, withFields(classes, { "cell.output_size": 8 })), {});
});

test("numbers that were given for another D make room where D follows O", () => {
  const before = made({ "generation.after": 5, "input.kind": "values", "input.values": [[1], [2]], steps: 2 });
  assert.deepEqual(consequences(before, withFields(before, { "cell.output_size": 3 })), { "cell.input_size": 3, "input.kind": "impulse" });
});

test("attention does not generate", () => {
  const before = made({ "cell.kind": "attention" });
  assert.deepEqual(consequences(before, withFields(before, { "generation.after": 5 })), { "generation.after": null });
});
