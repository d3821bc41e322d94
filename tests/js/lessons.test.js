import assert from "node:assert/strict";
import test from "node:test";

import { readWord } from "../../frontend/js/state/change.js";
import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { encodeLink } from "../../frontend/js/state/link.js";
import { readView, saidOfView, writeView } from "../../frontend/js/state/linked_view.js";
import { isOwn } from "../../frontend/js/net/lessons.js";

const { cell } = DEFAULT_EXPERIMENT;

test("a word is a change of what it names, and of nothing else", async () => {
  assert.deepEqual(await readWord("#rho=1.2&side=state_space&t=30", cell), {
    kind: "change",
    fields: { "recurrent.spectral_radius": 1.2, "recurrent.gain": null },
    view: { side: "state_space", t: 30 },
  });
  assert.deepEqual(await readWord("#phi=linear&input=noise", cell), {
    kind: "change", fields: { "cell.activation": "linear", "input.kind": "noise" }, view: {},
  });
  assert.deepEqual(await readWord("#text=3&tokens=character", cell), {
    kind: "change", fields: { "input.text": "3", "input.tokens": "character" }, view: {},
  });
});

test("a gain takes the place of a radius", async () => {
  const word = await readWord("#gain=1.5", cell);
  assert.deepEqual(word.kind === "change" && word.fields, { "recurrent.gain": 1.5, "recurrent.spectral_radius": null });
});

test("what no field can hold sets nothing", async () => {
  assert.deepEqual(await readWord("#rho=-1&H=0&nonsense=2", cell), { kind: "change", fields: {}, view: {} });
});

test("a packed link replaces everything", async () => {
  const experiment = withFields(DEFAULT_EXPERIMENT, { "recurrent.edits": [{ op: "normality", alpha: 2 }], "recurrent.spectral_radius": 0.95 });
  const word = await readWord(`${await encodeLink(experiment)}&bottom=powers`, cell);
  assert.equal(word.kind, "whole");
  assert.ok(word.kind === "whole" && !("lesson" in word.view));
  assert.deepEqual(word.kind === "whole" && [word.experiment, word.view.bottom], [experiment, "powers"]);
});

test("a word may lead to another lesson", async () => {
  assert.deepEqual(await readWord("#lesson=deep-networks&step=2", cell), { kind: "lesson", lesson: "deep-networks", step: 2 });
  assert.deepEqual(await readWord("#lesson=deep-networks", cell), { kind: "lesson", lesson: "deep-networks", step: 1 });
});

test("links name lesson and step, counted from 1", () => {
  const view = readView(["lesson=memory", "step=3"], cell);
  assert.deepEqual([view.lesson, view.step], ["memory", 3]);
  assert.deepEqual(writeView({ lesson: "memory", step: 3 }), ["lesson=memory", "step=3"]);
  assert.deepEqual(writeView({ lesson: "memory", step: 1 }), ["lesson=memory"]);
  for (const name of ["../x", "", "a b", "-a", "a".repeat(81)]) assert.equal(readView([`lesson=${name}`], cell).lesson, "");
  assert.deepEqual(saidOfView(["t=5", "rho=2"], cell), { t: 5 });
});

test("a step is its own until a hand changes more than the cursor", () => {
  const own = { experiment: DEFAULT_EXPERIMENT, view: { ...readView([], cell), lesson: "x", step: 2 } };
  assert.ok(isOwn(DEFAULT_EXPERIMENT, { ...own.view, t: 40 }, own));
  assert.ok(!isOwn(DEFAULT_EXPERIMENT, { ...own.view, bottom: "powers" }, own));
  assert.ok(!isOwn(withFields(DEFAULT_EXPERIMENT, { steps: 7 }), own.view, own));
});
