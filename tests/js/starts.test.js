import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULT_EXPERIMENT, withFields } from "../../frontend/js/state/experiment.js";
import { decodeLink, encodeLink } from "../../frontend/js/state/link.js";
import { planeIn, startsIn, wordOfPlane, wordOfStarts } from "../../frontend/js/state/starts.js";
import { Store } from "../../frontend/js/state/store.js";
import { movedPlane } from "../../frontend/js/ui/plane_choice.js";
import { besideWords, exponentWords } from "../../frontend/js/views/lyapunov.js";
import { raceWords } from "../../frontend/js/views/race.js";
import { axesOf, pointsWords } from "../../frontend/js/views/state_space.js";
import { placeOf } from "../../frontend/js/views/state_space_marks.js";

/** @param {readonly number[]} numbers @param {readonly number[]} [shape] */
const tensor = (numbers, shape = [numbers.length]) => ({ data: Float64Array.from(numbers), shape });

/** An answer of the server, as the analyst keeps it. @param {Record<string, object>} tensors @param {Record<string, unknown>} [changes] @param {readonly string[]} [notes] @returns {any} */
const answer = (tensors, changes = {}, notes = []) => ({ of: withFields(DEFAULT_EXPERIMENT, changes), asked: "{}", plane: null, tensors, notes });

test("starts and planes are words of a link, and nothing else is", () => {
  for (const word of ["1", "2", "8", "2near", "8near"]) assert.equal(wordOfStarts(/** @type {any} */ (startsIn(word))), word);
  for (const word of ["0", "9", "-1", "2far", "near", "2.5", "", "1e3", " 2"]) assert.equal(startsIn(word), undefined, word);
  assert.deepEqual(planeIn("3,7"), [2, 6]);
  assert.equal(wordOfPlane([2, 6]), "3,7");
  for (const word of ["3", "3,3", "0,1", "3,7,9", "a,b", "", "1,1e3"]) assert.equal(planeIn(word), undefined, word);
});

test("a link carries them, however its comma is written", async () => {
  const hash = await encodeLink(DEFAULT_EXPERIMENT, { side: "lyapunov", bottom: "race", starts: { count: 3, distance: "near" }, plane: [0, 11] });
  assert.equal(hash, "#rho=1&bottom=race&side=lyapunov&starts=3near&plane=1,12");
  for (const each of [hash, hash.replace(",", "%2C")]) {
    const { view: { side, bottom, starts, plane }, problems } = await decodeLink(each);
    assert.deepEqual([side, bottom, starts, plane, problems], ["lyapunov", "race", { count: 3, distance: "near" }, [0, 11], []]);
  }
  const odd = await decodeLink("#rho=1&starts=99&plane=<b>,2");
  assert.deepEqual([odd.view.starts, odd.view.plane, odd.problems], [{ count: 1, distance: "far" }, null, []]);
});

test("a plane fits the units that there are, and a race has two starts", () => {
  const store = new Store(DEFAULT_EXPERIMENT, { plane: [3, 40] });
  assert.deepEqual(store.view.plane, [3, 40]);
  store.look({ bottom: "race" });
  assert.equal(store.view.starts.count, 2);
  store.look({ starts: { count: 1, distance: "near" } });
  assert.deepEqual(store.view.starts, { count: 2, distance: "near" });
  store.edit({ "cell.hidden_size": 8 }, { label: "smaller" });
  assert.equal(store.view.plane, null);
  store.look({ plane: [1, 1] });
  assert.equal(store.view.plane, null);
  store.edit({ "cell.hidden_size": 2 }, { label: "a plane already" });
  store.look({ plane: [1, 0] });
  assert.equal(store.view.plane, null);
});

test("a unit that the other side has is stepped over", () => {
  assert.deepEqual(movedPlane([0, 3], 0, 2, 8), [2, 3]);
  assert.deepEqual(movedPlane([2, 3], 0, 3, 8), [4, 3]);
  assert.deepEqual(movedPlane([4, 3], 0, 3, 8), [2, 3]);
  assert.deepEqual(movedPlane([6, 7], 0, 7, 8), [6, 7]);
  assert.deepEqual(movedPlane([5, 0], 1, 5, 8), [5, 6]);
  for (const unit of [-1, 8, 1.5, NaN]) assert.equal(movedPlane([0, 3], 0, unit, 8), null);
});

test("the race is told by what became of each start", () => {
  const race = (/** @type {number[][]} */ logs, /** @type {number[]} */ fate, /** @type {number[]} */ log10_factor, /** @type {number[]} */ forgotten, changes = {}) =>
    raceWords(answer({ log10_distance: tensor(logs.flat(), [logs.length, logs[0]?.length ?? 0]), fate: tensor(fate), log10_factor: tensor(log10_factor), forgotten: tensor(forgotten) }, changes));
  assert.equal(race([[0, -4, -8]], [1], [-4], [2]), "the start is forgotten: ×1.0 · 10⁻⁴ per step, 10⁻⁶ of it from t = 2");
  assert.equal(race([[0, -Infinity, -Infinity]], [3], [NaN], [1]), "the start is forgotten: nothing is left of it after 1 step");
  assert.equal(race([[0.5, 0.5]], [0], [0], [NaN]), "the start is remembered: 3.16 apart at t = 0, 3.16 at t = 1");
  assert.match(race([[-6, 0]], [2], [6], [NaN]), /^they part: 1\.0 · 10⁻⁶ apart at t = 0, 1 at t = 1$/);
  assert.match(race([[-6, 0]], [2], [6], [NaN], { "cell.activation": "linear" }), /^they part: ×.* per step$/);
  assert.equal(race([[0, -4], [0, -2], [0, 0]], [1, 1, 0], [-4, -2, 0], [1, NaN, NaN]), "2 are forgotten: ×0.01 per step; 1 stays apart: 1 apart in the end");
  assert.equal(race([[0]], [NaN], [NaN], [NaN]), "one step: nothing to follow yet");
  assert.equal(raceWords(answer({}, {}, ["Attention carries no state on."])), "Attention carries no state on.");
});

test("the first exponent is told with its error and what it does", () => {
  const words = (/** @type {number[]} */ exponents, /** @type {number[]} */ errors) => exponentWords(answer({ exponents: tensor(exponents), standard_errors: tensor(errors) }));
  assert.equal(words([-0.12, -0.3], [0.01, 0.01]), "Λ₁ = −0.12 ± 0.01: nearby starts meet");
  assert.equal(words([0.15], [0]), "Λ₁ = 0.15: nearby starts part");
  assert.equal(words([0.015], [0.01]), "Λ₁ = 0.015 ± 0.01: nearby starts keep their distance");
  assert.equal(words([-0.4], [Infinity]), "Λ₁ = −0.4 ± ?: nearby starts meet");
  assert.equal(words([1e-17], [0]), "Λ₁ = 0: nearby starts keep their distance");
  assert.equal(words([-Infinity], [Infinity]), "Λ₁ = −∞: every difference is lost");
  assert.equal(exponentWords(answer({}, {}, ["Why not."])), "Why not.");
  assert.equal(besideWords(-0.118, 0.182), "gradient −0.118; ln ρ = 0.182");
  assert.equal(besideWords(null, undefined), "");
});

test("a search that led nowhere says how near it came", () => {
  const points = (/** @type {number[]} */ rows, /** @type {number[] | null} */ search, notes = ["note"]) => pointsWords(answer({ fixed_points: tensor(rows, [rows.length / 4, 4]), ...(search ? { search: tensor(search) } : {}) }, {}, notes));
  assert.equal(points([0, 0, 0, 1e-30, 1, 1, 0, 0, 0, 0, 1, 0], [32, 0, NaN, 0]), "fixed points: 2 stable, 1 saddle");
  assert.equal(points([], [32, 32, 0.22, 3]), "fixed points: none found; 32 searches led to none, best q = 0.22, 3 unfinished");
  assert.equal(points([0, 0, 5, 1e-6], [32, 4, 0.5, 0]), "fixed points: 1 slow; 4 of 32 searches led to none, best q = 0.5");
  assert.equal(points([], null, ["Fixed points are sought up to 128 units."]), "Fixed points are sought up to 128 units.");
});

test("axes say what they are of", () => {
  const shares = { shares: tensor([0.62, 0.2]) };
  const of = (/** @type {Record<string, unknown>} */ changes, plane = /** @type {readonly [number, number] | null} */ (null)) => axesOf({ ...answer(shares, changes), plane });
  assert.deepEqual(of({}), ["PC 1, 62 %", "PC 2, 20 %"]);
  assert.deepEqual(of({}, [2, 6]), ["unit 3", "unit 7"]);
  assert.deepEqual(of({ "cell.hidden_size": 2 }), ["h₁", "h₂"]);
  assert.deepEqual(of({ "cell.hidden_size": 1 }), ["hₜ₋₁", "hₜ"]);
  assert.deepEqual(of({ "cell.hidden_size": 1, "cell.kind": "lstm" }), ["h", "c"]);
});

test("the state at the cursor is the last that is known", () => {
  const times = [0, 1, 2, 10, 20];
  assert.deepEqual([-1, 0, 1, 9, 10, 99].map((t) => placeOf(times, t)), [-1, 0, 1, 2, 3, 4]);
  assert.equal(placeOf([], 3), -1);
});
