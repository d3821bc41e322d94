import assert from "node:assert/strict";
import { test } from "node:test";

import { changesIn } from "../../frontend/js/embed/api.js";
import { controlsOf } from "../../frontend/js/embed/bar.js";
import { gridOf } from "../../frontend/js/embed/layout.js";
import { pathsOf } from "../../frontend/js/embed/lock.js";
import { panelsOf } from "../../frontend/js/embed/panels.js";
import { ticksIn } from "../../frontend/js/render/axes.js";
import { DEFAULT_EXPERIMENT } from "../../frontend/js/state/experiment.js";
import { embedAddress, isOfThisMachine, snippet, titleOf } from "../../frontend/js/state/snippets.js";
import { Store } from "../../frontend/js/state/store.js";

/** @param {readonly string[]} names */
const places = (...names) => panelsOf(names).places;

test("a view's name is its place with that view in it", () => {
  const { places: shown, views } = panelsOf(["influence", "powers", "state_space", "weights", "time"]);
  assert.deepEqual([...shown], ["top", "bottom", "side", "corner", "time"]);
  assert.deepEqual(views, { top: "influence", bottom: "powers", side: "state_space" });
});

test("the atlas stands above, and below where something else is above", () => {
  assert.deepEqual(panelsOf(["atlas"]).views, { top: "atlas" });
  assert.deepEqual(panelsOf(["influence", "atlas"]).views, { top: "influence", bottom: "atlas" });
  assert.deepEqual([...panelsOf(["top", "atlas"]).places], ["top", "bottom"]);
});

test("what is hidden goes by the name of its place or of what stands there", () => {
  assert.deepEqual([...panelsOf(["top", "bottom", "corner"], ["bottom", "weights"]).places], ["top"]);
  assert.deepEqual([...panelsOf(["top", "powers"], ["powers"]).places], ["top"]);
});

test("every named panel has an area, of every subset, at every size, and no other has", () => {
  const all = ["top", "bottom", "side", "corner", "time", "readout"];
  for (let subset = 1; subset < 2 ** all.length; subset++) {
    const named = all.filter((_, k) => subset & (1 << k));
    for (const [width, height] of /** @type {Array<[number, number]>} */ ([[960, 460], [800, 520], [480, 240], [390, 760], [1600, 900]])) {
      const { areas, rows, columns } = gridOf(places(...named), width, height, 16);
      const lines = (areas.match(/"[^"]*"/g) ?? []).map((line) => line.slice(1, -1).split(" "));
      assert.deepEqual(new Set(lines.flat()), new Set(named), areas);
      const tracks = (/** @type {string} */ text) => text.split(/ (?![^(]*\))/).length;
      assert.equal(tracks(rows), lines.length, rows);
      for (const line of lines) assert.equal(tracks(columns), line.length, columns);
      // An area must be a rectangle, or the whole grid is thrown away.
      for (const name of named) {
        const cells = lines.flatMap((line, y) => line.flatMap((each, x) => (each === name ? [[x, y]] : [])));
        const [xs, ys] = [0, 1].map((axis) => new Set(cells.map((cell) => cell[axis])));
        assert.equal(cells.length, (xs?.size ?? 0) * (ys?.size ?? 0), `${name} in ${areas}`);
      }
    }
  }
});

test("the wanted height does not depend on the height there is", () => {
  for (const named of [["top", "bottom", "time"], ["top", "side", "corner", "time"], ["side"], ["time"]]) {
    const wanted = [200, 400, 900].map((height) => gridOf(places(...named), 900, height, 16).wanted_px);
    assert.equal(new Set(wanted).size, 1);
  }
});

test("controls by name, by the small set, and less what is hidden", () => {
  /** @param {any} controls @param {any} [hide] */
  const names = (controls, hide = []) => controlsOf({ controls, hide }).names;
  assert.deepEqual(names(["min"]), ["rho", "clock"]);
  assert.deepEqual(names(["min", "phi", "rho"], ["clock"]), ["rho", "phi"]);
  assert.deepEqual(names(["none"]), []);
  assert.equal(controlsOf({ controls: ["full"], hide: [] }).isFull, true);
});

test("a lock holds hands, also where ρ is an operation, and lets the page around through", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.lock(pathsOf(["rho", "weights"]));
  store.edit({ "recurrent.spectral_radius": 2, steps: 50 }, { label: "both" });
  assert.deepEqual([store.experiment.recurrent.spectral_radius, store.experiment.steps], [null, 50]);
  store.operate("W_hh", { op: "radius", spectral_radius: 2 });
  store.operate("W_xh", { op: "set", i: 0, j: 0, value: 1 });
  assert.equal(store.undoLabel, "both");
  store.edit({ "recurrent.spectral_radius": 2 }, { label: "free", isFree: true });
  assert.equal(store.experiment.recurrent.spectral_radius, 2);
});

test("without its weights ρ stays free on a matrix that was made by hand", () => {
  const store = new Store(DEFAULT_EXPERIMENT);
  store.lock(pathsOf(["weights"]));
  store.operate("W_hh", { op: "radius", spectral_radius: 2 });
  assert.equal(store.experiment.recurrent.edits.length, 1);
  assert.equal(pathsOf(["all"]).has("steps"), true);
});

test("fields of a message are all fit, or none is taken", () => {
  assert.deepEqual(changesIn({ rho: 1.2, "cell.hidden_size": 8 }), { "recurrent.spectral_radius": 1.2, "recurrent.gain": null, "cell.hidden_size": 8 });
  for (const wrong of [{ rho: "1" }, { rho: 1, H: 0.5 }, { nothing: 1 }, { constructor: 1 }, [], null, "rho=1"]) assert.throws(() => changesIn(wrong), /got/);
});

test("ticks are round, inside, and about as many as asked for", () => {
  assert.deepEqual(ticksIn([0.5, 200.5], 5, true), [50, 100, 150, 200]);
  assert.deepEqual(ticksIn([64.5, 0.5], 4, true), [20, 40, 60]);
  assert.deepEqual(ticksIn([-0.25, 0.35], 4, false), [-0.2, 0, 0.2]);
  assert.deepEqual(ticksIn([0.5, 1.5], 8, true), [1]);
  assert.deepEqual(ticksIn([-60, 10], 6, true), [-60, -40, -20, 0]);
});

test("an embed's address is beside the page's, whatever stands before and after", () => {
  assert.equal(embedAddress("https://a.example/tools/rho/?theme=dark#rho=1.2&t=3", { view: "top,time" }), "https://a.example/tools/rho/embed?view=top,time#rho=1.2&t=3");
  assert.equal(embedAddress("http://127.0.0.1:8000/#rho=1", {}), "http://127.0.0.1:8000/embed#rho=1");
  assert.deepEqual(["http://localhost:1/", "http://127.8.0.1/", "http://[::1]:80/", "https://127.example/"].map(isOfThisMachine), [true, true, true, false]);
});

test("snippets hold nothing that could end what they stand in", () => {
  const title = titleOf(DEFAULT_EXPERIMENT);
  assert.equal(title, "Rhoscope: tanh network, ρ = 1, H = 64, T = 200");
  const page = `https://a.example/#rho=1&phi="><script>`;
  const shared = { page, embed: embedAddress(page, { title: `"]<b>` }), card: "https://a.example/card.png", module: "https://a.example/rho-scope.js", title: `"<x>]`, size: { width: 9, height: 5, isFluid: false }, options: { title: `"<b>` } };
  for (const format of /** @type {const} */ (["iframe", "reveal", "quarto", "element"])) {
    const text = snippet(format, shared);
    assert.equal(text.includes("<script>") || text.includes(`"<b>`) || text.includes("<x>"), false, text);
  }
  assert.match(snippet("markdown", shared), /^\[!\["<x>\\\]\]/);
});
