/** Hidden states, units × time: every unit's activation h_i at every step, as a heat map. */
import { plain } from "../render/format.js";
import { signedGradient } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { Raster } from "../render/raster.js";
import { roundUp } from "../render/scale.js";
import { writeAttribute, writeHidden, writeProperty, writeText } from "../render/write.js";
import { hasGates, LAYER_NAMES, layersOf } from "../state/cells.js";
import { placeTitle } from "../ui/places.js";
import { mountSequenceChoice } from "../ui/sequence_choice.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";

/** @typedef {import("../net/run.js").Run} Run */

/** More cells than this are not handed to Plotly for hover: it would stall the page for longer than the answer is worth. */
const MAX_HOVER_CELLS = 120_000;
/** What the rows are, where they are not units. @type {Readonly<Record<string, string>>} */
const WHAT = Object.freeze({ y: "outputs × time", p: "classes × time" });
/** How much of the start sets the scale of what is not bounded. */
const START_COLUMNS = 8;

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("top"), detail: "units × time", margins: { ...TIME_MARGINS, bottom: 1.9 }, canZoom: true,
    xaxis: { showgrid: false }, yaxis: { showgrid: false, title: { text: "unit i", standoff: 4 } }, integers: { x: 8, y: 5 },
  }, signal);
  mountSequenceChoice(element, scene, signal);
  panel.legend.innerHTML = `<select class="quantity layer" aria-label="what of every step is shown"></select><span class="scale-end"></span><span class="scale-bar" role="img"></span><span class="scale-end"></span><span class="panel-note"></span>`;
  const [, low, bar, high, note] = /** @type {HTMLElement[]} */ ([...panel.legend.children]);
  const chooser = /** @type {HTMLSelectElement} */ (panel.legend.querySelector("select.layer"));
  const { store } = scene;
  const raster = new Raster();
  /** @type {ArrayLike<number> | null} */
  let filled = null;
  let filledUntil = 0;
  let limit = 1;
  let palette = scene.palette;

  function drawMarks() {
    drawChooser();
    const { run } = scene;
    if (!run?.layer(store.view.layer).length) return;
    panel.setRanges(scene.timeRange, [run.rowsOf(store.view.layer) + 0.5, 0.5]);
    panel.drawAxes();
    fill(run);
    drawLegend(run);
    panel.draw("marks", (context, area) => {
      const left = panel.px(run.window.t0 + 0.5);
      raster.paint(context, left, area.y, panel.px(run.window.t1 + 0.5) - left, area.height);
    });
  }

  /** Turns states into pixels, once for each run and theme. @param {Run} run */
  function fill(run) {
    const { layer } = store.view;
    const values = run.layer(layer);
    if (!values.length || filled === values && filledUntil === run.statesEnd && palette === scene.palette) return;
    limit = colourLimit(run, layer);
    raster.fill(values, run.columns, run.rowsOf(layer), limit, scene.palette, { isTransposed: true, filledRows: run.statesEnd });
    [filled, filledUntil, palette] = [values, run.statesEnd, scene.palette];
  }

  /** There is more to look at than the state. */
  function drawChooser() {
    const names = layersOf(store.experiment);
    if (names.join() !== [...chooser.options].map(({ value }) => value).join()) chooser.replaceChildren(...names.map((name) => new Option(LAYER_NAMES[name], name)));
    if (chooser.value !== store.view.layer) chooser.value = store.view.layer;
  }
  chooser.addEventListener("change", () => store.look({ layer: /** @type {import("../state/cells.js").Layer} */ (chooser.value) }), { signal });

  /** @param {Run} run */
  function drawLegend(run) {
    if (!low || !bar || !high || !note) return;
    writeText(low, plain(-limit));
    writeText(high, plain(limit));
    writeProperty(bar, "--scale", signedGradient(scene.palette));
    writeAttribute(bar, "aria-label", `colour scale of ${store.view.layer} from ${plain(-limit)} to ${plain(limit)}`);
    writeText(panel.detail, run.B > 1 ? "" : WHAT[store.view.layer] ?? "units × time");
    const first = run.done?.first_nonfinite_step ?? null;
    writeText(note, first === null ? "" : `leaves ${run.experiment.dtype} at t = ${first + 1}`);
  }

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("hidden_states", drawMarks, signal);
  scene.loop.addLayer("hidden_states.cursor", () => panel.setCursor(scene.store.view.t), signal);
  return { panel, prepare: fill, rest: () => panel.rest(() => hoverTraces(scene.run, store.view.layer)) };
}

/**
 * The size that gets the full colour. What is bounded, tanh and all gates, is scaled by its whole run,
 * up to 1; a linear, rectified or cell state by how it starts, so that growth and decay show as
 * colour that comes or goes; an output as the state it is read from.
 * @param {Run} run @param {import("../state/cells.js").Layer} layer
 */
export function colourLimit(run, layer) {
  const { H, experiment: { cell } } = run;
  const h = run.layer(layer);
  if (layer === "c") return largestOf(h, run.statesEnd * H);
  if (layer !== "h" && layer !== "y") return 1;
  const isBounded = hasGates(cell) || cell.activation === "tanh";
  const columns = isBounded ? run.statesEnd : Math.min(START_COLUMNS, run.statesEnd);
  const largest = largestOf(h, columns * run.rowsOf(layer));
  return isBounded && layer === "h" ? Math.min(1, largest) : largest;
}

/** The largest finite size, rounded up. @param {ArrayLike<number>} values @param {number} count */
function largestOf(values, count) {
  let largest = 0;
  for (let k = 0; k < count; k++) {
    const size = Math.abs(/** @type {number} */ (values[k]));
    if (size > largest && Number.isFinite(size)) largest = size;
  }
  return roundUp(largest);
}

/** @param {Run | null} run @param {import("../state/cells.js").Layer} layer @returns {object[]} */
function hoverTraces(run, layer) {
  const h = run?.layer(layer);
  if (!run || !h?.length || h.length > MAX_HOVER_CELLS) return [];
  const { columns } = run;
  const H = run.rowsOf(layer);
  const z = Array.from({ length: H }, (_, unit) => Float64Array.from({ length: columns }, (_, column) => h[column * H + unit] ?? NaN));
  const x = Array.from({ length: columns }, (_, column) => run.stepOf(column) + 1);
  const y = Array.from({ length: H }, (_, unit) => unit + 1);
  return [{ type: "heatmap", x, y, z, opacity: 0, showscale: false, zsmooth: false, hovertemplate: `${run.isBinned ? "largest from t = %{x:d} on" : "t = %{x:d}"}, unit %{y:d}<br>${layer} = %{z:.4g}<extra></extra>` }];
}
