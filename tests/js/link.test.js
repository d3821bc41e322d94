import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { DEFAULT_EXPERIMENT, difference, readDocument, withFields } from "../../frontend/js/state/experiment.js";
import { FIELDS } from "../../frontend/js/state/fields.js";
import { decodeLink, encodeLink, OPENING_HASH } from "../../frontend/js/state/link.js";
import { PRESETS } from "../../frontend/js/state/presets.js";

/** What app/link.py and this page read and write alike. */
const golden = JSON.parse(readFileSync(new URL("../golden/links.json", import.meta.url), "utf8"));

/** @param {string} text */
const packed = (text) => `#v1.${deflateRawSync(Buffer.from(text)).toString("base64url")}`;

test("an empty hash is the opening view, which is itself a link", async () => {
  const empty = await decodeLink("");
  assert.deepEqual(empty, await decodeLink(OPENING_HASH));
  assert.equal(empty.experiment.recurrent.spectral_radius, 1.03);
  assert.equal(empty.experiment.cell.activation, "linear");
  assert.deepEqual(empty.problems, []);
});

test("a link is a difference from {}, never from the opening view", async () => {
  assert.equal(await encodeLink(DEFAULT_EXPERIMENT), "#rho=1");
  const { experiment } = await decodeLink(await encodeLink(DEFAULT_EXPERIMENT));
  assert.equal(experiment.cell.activation, "tanh");
});

test("common fields stay readable", async () => {
  const experiment = withFields(DEFAULT_EXPERIMENT, { "recurrent.spectral_radius": 1.2, "cell.hidden_size": 32, steps: 50, "cell.activation": "relu" });
  const hash = await encodeLink(experiment, { t: 17 });
  assert.deepEqual(new Set(hash.slice(1).split("&")), new Set(["phi=relu", "H=32", "rho=1.2", "T=50", "t=17"]));
  assert.deepEqual(await decodeLink(hash), { experiment, view: { t: 17, top: "hidden_states", bottom: "norms", side: "eigenvalues", second: "bottom", layer: "h", sequence: 0, compare: [], unroll: 1, cone: null, hasJacobian: false, lesson: "", step: 1, starts: { count: 1, distance: "far" }, plane: null }, problems: [] });
});

test("every experiment survives the packed form", async () => {
  const experiment = withFields(DEFAULT_EXPERIMENT, {
    "recurrent.edits": [
      { op: "set", i: 3, j: 5, value: 0.2 }, { op: "eigenvalue", at: [0.5, 0.25], to: [0.5, 0], half_gap: 0.1, keep: "schur_vectors" },
      { op: "normality", alpha: 0.5 }, { op: "radius", spectral_radius: 1.1 }, { op: "zero", rows: [0, 2], columns: null }, { op: "set", i: 0, j: 0, value: -1e-7 },
    ],
    "bias.edits": [{ op: "set", i: 3, value: 0.2 }], "input_weights.edits": [{ op: "zero" }], "weights.file": "0".repeat(64), "weights.layer": 1,
    "input.kind": "values", "input.values": [[1], [0.1]], steps: 2,
  });
  const hash = await encodeLink(experiment, { t: 2, top: "atlas", bottom: "norms", layer: "f", sequence: "mean", compare: ["lstm", "feedforward"] });
  assert.match(hash, /^#v1\.[\w-]+&t=2&top=atlas&layer=f&sequence=mean&compare=lstm\+feedforward$/);
  assert.deepEqual(await decodeLink(hash), { experiment, view: { t: 2, top: "atlas", bottom: "norms", side: "eigenvalues", second: "bottom", layer: "f", sequence: "mean", compare: ["lstm", "feedforward"], unroll: 1, cone: null, hasJacobian: false, lesson: "", step: 1, starts: { count: 1, distance: "far" }, plane: null }, problems: [] });
});

test("a field that the present kind lacks is no part of the document", () => {
  assert.deepEqual(difference(withFields(DEFAULT_EXPERIMENT, { "input.period": 7 })), {});
  assert.deepEqual(difference(withFields(DEFAULT_EXPERIMENT, { "input.period": 7, "input.kind": "sine" })), { input: { kind: "sine", period: 7 } });
});

for (const [name, hash, said] of /** @type {Array<[string, string, RegExp]>} */ ([
  ["a newer version", "#v2.abc", /version 2/],
  ["what is not base64", "#v1.%%%", /damaged/],
  ["what does not inflate", "#v1.AAAAAAAA", /damaged/],
  ["what is not JSON", packed("{"), /damaged/],
  ["JSON that is no object", packed("[1]"), /expected a JSON object/],
  ["ten thousand nested arrays", packed("[".repeat(10_000) + "]".repeat(10_000)), /expected a JSON object/],
  ["an inflation bomb", packed(" ".repeat(5_000_000) + "{}"), /damaged/],
  ["a hash of a megabyte", `#v1.${"A".repeat(1_000_000)}`, /too long/],
  ["an unknown word", "#colour=red", /colour/],
  ["an unknown field", packed('{"cell":{"size":3}}'), /cell\.size/],
  ["a wrong type", packed('{"steps":"200"}'), /steps.*"200"/],
  ["a number out of range", "#H=0", /expected a whole number from 1/],
  ["a number that is none", "#rho=NaN", /expected a number/],
  ["prototype pollution", packed('{"__proto__":{"steps":3},"constructor":1}'), /no field/],
  ["a gain beside a radius", "#rho=1&gain=2", /rho was taken/],
  ["markup", "#rho=<img src=x onerror=alert(1)>", /expected a number/],
])) {
  test(`${name} gives a message and an experiment that works`, async () => {
    const { experiment, problems } = await decodeLink(hash);
    assert.equal(problems.length >= 1, true);
    assert.match(problems.join(" "), said);
    assert.equal(experiment.version, 1);
    assert.ok(Number.isInteger(experiment.cell.hidden_size));
    assert.equal(/** @type {any} */ ({}).steps, undefined);
  });
}

test("what is fit in a half-broken link is kept", async () => {
  const { experiment, problems } = await decodeLink("#H=16&T=-3&phi=relu");
  assert.equal(experiment.cell.hidden_size, 16);
  assert.equal(experiment.cell.activation, "relu");
  assert.equal(experiment.steps, 200);
  assert.equal(problems.length, 1);
});

test("what is compared is a list of known others, however its plus is written", async () => {
  for (const words of ["lstm+attention", "lstm%2Battention", "lstm+elman+perceptron+attention+lstm"]) {
    const { view: { compare }, problems } = await decodeLink(`#rho=1&compare=${words}`);
    assert.deepEqual([compare, problems], [["lstm", "attention"], []], words);
  }
  assert.deepEqual((await decodeLink("#cell=lstm&compare=lstm+elman")).view.compare, ["elman"]);
});

test("every preset is a clean link", async () => {
  for (const { name, hash } of PRESETS) assert.deepEqual((await decodeLink(hash)).problems, [], name);
});

test("short names and their order are the golden ones", async () => {
  assert.deepEqual(FIELDS.flatMap(({ short, path }) => (short ? [[short, path]] : [])), golden.names);
  const hash = await encodeLink(withFields(DEFAULT_EXPERIMENT, { steps: 9 }), { t: 7, top: "atlas", bottom: "atlas", side: "state_space", second: "side", layer: "c", sequence: 2, compare: ["gru"], unroll: 0.5, cone: { t: 3, layer: null }, hasJacobian: true, starts: { count: 4, distance: "far" }, plane: [2, 6], lesson: "memory", step: 2 });
  assert.deepEqual(hash.slice(1).split("&").map((pair) => pair.split("=")[0]), ["T", ...golden.view]);
});

for (const { hash, experiment: document } of golden.links) {
  test(`${hash.slice(0, 40)} is read and written as Python does`, async () => {
    const { experiment, problems } = await decodeLink(hash);
    assert.deepEqual(problems, []);
    assert.deepEqual(difference(experiment), document);
    const written = await encodeLink(readDocument(document).experiment);
    if (!hash.startsWith("#v1.")) return assert.equal(written, hash);
    // Deflate may choose other bytes than Python's.
    assert.match(written, /^#v1\.[\w-]+$/);
    assert.deepEqual(await decodeLink(written), await decodeLink(hash));
  });
}

for (const { hash, experiment } of golden.readings) {
  test(`${JSON.stringify(hash.slice(0, 40))} is read as Python reads it`, async () => {
    const link = await decodeLink(hash);
    assert.deepEqual(link.problems, []);
    assert.deepEqual(difference(link.experiment), difference(readDocument(experiment).experiment));
  });
}

for (const hash of golden.refused) {
  test(`${hash.slice(0, 40)}, which Python refuses, gives a message`, async () => {
    assert.notDeepEqual((await decodeLink(hash)).problems, []);
  });
}

test("a number of forty thousand digits that is none is read at once", async () => {
  const start = performance.now();
  const { problems } = await decodeLink(`#rho=${"1".repeat(40_000)}x`);
  assert.ok(performance.now() - start < 500);
  assert.match(problems.join(" "), /expected a number/);
});

test("an operation without a name is a set, as the server has it", () => {
  const { experiment, problems } = readDocument({ recurrent: { edits: [{ i: 0, j: 1, value: 2 }] }, bias: { edits: [{ i: 3, value: 1 }] } });
  assert.deepEqual(problems, []);
  assert.deepEqual(experiment.recurrent.edits, [{ op: "set", i: 0, j: 1, value: 2 }]);
  assert.deepEqual(experiment.bias.edits, [{ op: "set", i: 3, value: 1 }]);
});

test("a seed may be as large as the server's", async () => {
  const { experiment, problems } = await decodeLink(`#seed=${2 ** 53 - 1}`);
  assert.deepEqual(problems, []);
  assert.equal(experiment.recurrent.seed, 2 ** 53 - 1);
  assert.notDeepEqual((await decodeLink(`#seed=${2 ** 53}`)).problems, []);
});
