import assert from "node:assert/strict";
import { test } from "node:test";

import { TokenNames } from "../../frontend/js/net/tokens.js";
import { Run, Standing } from "../../frontend/js/net/run.js";
import { DEFAULT_EXPERIMENT, readDocument, withFields } from "../../frontend/js/state/experiment.js";
import { decodeLink, encodeLink } from "../../frontend/js/state/link.js";
import { sizesFor } from "../../frontend/js/state/texts.js";
import { andToken, fitting, isTelling, plotlyText, quoted, standing, tokenText } from "../../frontend/js/render/token_text.js";
import { belowText, decadesAt, tokenWordsAt } from "../../frontend/js/views/influence_tokens.js";

const FAMILY = "👩‍👩‍👧‍👦";
const text = withFields(DEFAULT_EXPERIMENT, { "input.kind": "text", "cell.input_size": 8, steps: 9 });
const NINE = { count: 9, vocabulary_size: 8 };

/** @param {number[]} index @param {number[]} shape @param {string[]} labels @param {number} size */
const names = (index, shape, labels, size) => new TokenNames({ data: Float32Array.from(index), shape }, { token_labels: JSON.stringify(labels), vocabulary_size: String(size) });

test("steps and classes have the names that came with the run", () => {
  const found = names([0, 1, 2, 1], [4], ["The", "cat", "the"], 2);
  assert.deepEqual([0, 1, 2, 3, 4, -1].map((step) => found.ofStep(step, 0)), ["The", "cat", "the", "cat", null, null]);
  // Label 2 is another spelling: no class of its own.
  assert.deepEqual([0, 1, 2].map((k) => found.ofClass(k)), ["The", "cat", null]);
});

test("of a batch every sequence has its own, and all together only what is the same", () => {
  const found = names([0, 1, -1, 0, 0, -1], [2, 3], ["a", "b"], 2);
  assert.deepEqual([0, 1, 2].map((step) => found.ofStep(step, 1)), ["a", "a", null]);
  assert.deepEqual([0, 1, 2].map((step) => found.ofStep(step, "mean")), ["a", null, null]);
});

test("names that stand are those of texts alone, and of whoever asked for them", () => {
  const stands = new Standing();
  stands.take({ metadata: { kind: "tokens", token_labels: '["a"]', vocabulary_size: "1" }, tensors: { token_index: { data: Float32Array.of(0), shape: [1] } } });
  const window = { t0: 0, t1: 9, columns: 9 };
  const runOf = (/** @type {import("../../frontend/js/state/experiment.js").Experiment} */ experiment, /** @type {string[]} */ omit = []) => Object.assign(new Run(1, experiment, window, omit), { standing: stands });
  assert.equal(runOf(text).tokenAt(0), "a");
  assert.equal(runOf(text).tokenOfClass(0), "a");
  assert.equal(runOf(withFields(text, { "input.embedding": "random" })).tokenOfClass(0), null);
  assert.equal(runOf(DEFAULT_EXPERIMENT).tokenAt(0), null);
  assert.equal(runOf(text, ["token_index"]).tokenAt(0), null);
});

test("what leaves no ink gets a sign, what is long is cut between signs", () => {
  assert.deepEqual([" ", "\n", "\t", "\u00a0", "cat"].map((token) => tokenText(token)), ["␣", "⏎", "⇥", "␣", "cat"]);
  assert.equal(tokenText(FAMILY), FAMILY);
  assert.equal(tokenText("Donaudampfschifffahrt", 5), "Dona…");
  assert.equal(tokenText(FAMILY.repeat(20), 3), `${FAMILY.repeat(2)}…`);
  // A letter under a thousand marks is one sign, and still has an end.
  assert.ok(tokenText(`e${"\u0301".repeat(100_000)}`).length <= 1100);
});

test("a sentence around a foreign word keeps its direction", () => {
  assert.equal(quoted("שלום"), "“\u2068שלום\u2069”");
  assert.equal(andToken(null), "");
  assert.equal(plotlyText("<b>&amp;"), "&lt;b&gt;&amp;amp;");
});

test("the most of a token that fits is shown", () => {
  assert.equal(fitting("chased", (shown) => shown.length <= 4), "cha…");
  assert.equal(fitting("chased", () => true), "chased");
  assert.equal(fitting("chased", () => false), "…");
});

test("names that stand side by side do not touch", () => {
  const widthOf = (/** @type {string} */ name) => name.length;
  assert.deepEqual(standing(["a", "b", "c"], 2, widthOf, 1), [0, 1, 2]);
  assert.deepEqual(standing(["aaa", "b", "c"], 2, widthOf, 1), [0, 2]);
  assert.deepEqual(standing(["a", null, "c"], 2, widthOf, 5), [0]);
  assert.deepEqual(standing([], 2, widthOf, 1), []);
});

test("numbers stay where names are few or have no room", () => {
  assert.equal(isTelling(["a", "b", "c"], [0]), true);
  assert.equal(isTelling(["a", "b", "c", "d"], [0]), false);
  assert.equal(isTelling(["a", "b", null, null], [0, 1]), true);
  assert.equal(isTelling(["a", "b", null, null, null], [0, 1]), false);
  assert.equal(isTelling([], []), false);
});

test("T and D follow a text", () => {
  assert.deepEqual(sizesFor(DEFAULT_EXPERIMENT, withFields(DEFAULT_EXPERIMENT, { "input.kind": "text" }), NINE, null), { steps: 9, "cell.input_size": 8 });
  const longer = withFields(text, { "input.text": "one more" });
  assert.deepEqual(sizesFor(text, longer, { count: 2, vocabulary_size: 2 }, NINE), { steps: 2, "cell.input_size": 2 });
  // Room that was made for more stays, and so does a size that vectors of any size have.
  const roomy = withFields(text, { "cell.input_size": 20 });
  assert.deepEqual(sizesFor(roomy, withFields(roomy, { "input.text": "b" }), { count: 1, vocabulary_size: 1 }, NINE), { steps: 1 });
  assert.deepEqual(sizesFor(roomy, withFields(roomy, { "input.text": "b" }), { count: 30, vocabulary_size: 25 }, NINE), { steps: 30, "cell.input_size": 25 });
  const random = withFields(text, { "input.embedding": "random", "cell.input_size": 3 });
  assert.deepEqual(sizesFor(random, withFields(random, { "input.tokens": "character" }), { count: 41, vocabulary_size: 18 }, NINE), { steps: 41 });
  assert.deepEqual(sizesFor(random, withFields(random, { "input.embedding": "one_hot" }), NINE, NINE), { "cell.input_size": 8 });
  // Loaded weights have their own D.
  const loaded = withFields(text, { "weights.file": "0".repeat(64) });
  assert.deepEqual(sizesFor(loaded, withFields(loaded, { "input.text": "b" }), { count: 1, vocabulary_size: 1 }, NINE), { steps: 1 });
});

test("what a network writes after a text stays as long as it was", () => {
  const writes = withFields(text, { steps: 30, "generation.after": 9, "cell.output_size": 8 });
  assert.deepEqual(sizesFor(writes, withFields(writes, { "input.text": "a b" }), { count: 2, vocabulary_size: 2 }, NINE), { steps: 23, "generation.after": 2, "cell.input_size": 2 });
});

for (const sentence of ["don't stop: 1 + 1 = 2 & 100%#", "猫が鼠を", "שלום עולם", `${FAMILY} é\n\tà`, "42", "a".repeat(5000), " ", ""]) {
  test(`a link carries ${JSON.stringify(sentence.slice(0, 20))}`, async () => {
    const experiment = withFields(text, { "input.text": sentence });
    const hash = await encodeLink(experiment);
    assert.ok(hash.length < 1100);
    assert.match(hash, /^#[\x21-\x7e]*$/);
    const read = await decodeLink(hash);
    assert.deepEqual(read.problems, []);
    assert.deepEqual(read.experiment, experiment);
  });
}

test("half a sign in a link is left out, and said", () => {
  const { experiment, problems } = readDocument({ input: { kind: "text", text: "a\ud800" } });
  assert.equal(problems.length, 1);
  assert.equal(experiment.input.text, DEFAULT_EXPERIMENT.input.text);
});

/** @param {readonly (readonly number[])[]} rows @param {number} [start] */
const map = (rows, start = 0) => /** @type {import("../../frontend/js/views/influence.js").Influence} */ (/** @type {unknown} */ ({ edges: rows.map((_, k) => start + k).concat(start + rows.length), values: rows.flat() }));
const NONE = -Infinity;
const tokenAt = (/** @type {number} */ step) => ["The", "cat", "chased"][step] ?? null;

test("the words say which tokens still matter, and how many decades less the first one does", () => {
  const three = map([[0, NONE, NONE], [-0.5, 0, NONE], [-3.25, -1.7, -1]]);
  assert.deepEqual(decadesAt(three, 3), [2.25, 0.7, 0]);
  const lines = tokenWordsAt(three, 3, tokenAt)?.map(([form]) => form?.replace(/[\u2068\u2069]/g, ""));
  assert.deepEqual(lines, ["after “chased”, t = 3", "“The”: 2.3 decades less than the strongest, “chased”", "still matter, within a decade: chased, cat"]);
  assert.equal(tokenWordsAt(three, 3, tokenAt)?.[2]?.at(-1), "2 matter");
  assert.equal(tokenWordsAt(three, 1, tokenAt)?.[1]?.[0]?.replace(/[\u2068\u2069]/g, ""), "“The” is the strongest");
});

test("where there are no tokens, no columns of their own or no influence, the words know it", () => {
  const three = map([[0, NONE, NONE], [-0.5, 0, NONE], [-3.25, NONE, 0]]);
  assert.equal(tokenWordsAt(three, 3, () => null), null);
  assert.deepEqual(decadesAt(three, 4), []);
  assert.equal(tokenWordsAt(three, 4, tokenAt), null);
  const binned = /** @type {import("../../frontend/js/views/influence.js").Influence} */ (/** @type {unknown} */ ({ edges: [0, 2, 4], values: [0, NONE, 0, 0] }));
  assert.deepEqual(decadesAt(binned, 3), []);
  assert.match(tokenWordsAt(map([[NONE]]), 1, tokenAt)?.[1]?.[0] ?? "", /no token has any influence/);
  assert.deepEqual([Infinity, 0.04, 0.05, 12.34].map(belowText), ["−∞", "0", "−0.1", "−12.3"]);
  // A zoomed map counts from its own first step.
  assert.deepEqual(decadesAt(map([[0, NONE], [-1, 0]], 5), 7), [1, 0]);
});
