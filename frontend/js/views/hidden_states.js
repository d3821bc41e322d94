/** Hidden states, units × time: every unit's activation h_i at every step, as a heat map. */
import { plain } from "../render/format.js";
import { signedGradient } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { roundUp } from "../render/scale.js";
import { placeOfRow, rangeOfStrips, Strips } from "../render/strips.js";
import { andToken, plotlyText } from "../render/token_text.js";
import { writeAttribute, writeHidden, writeProperty, writeText } from "../render/write.js";
import { isBounded, LAYER_NAMES, layersOf } from "../state/cells.js";
import { longNameOf } from "../state/compare.js";
import { generates } from "../state/forms.js";
import { placeTitle } from "../ui/places.js";
import { mountSequenceChoice } from "../ui/sequence_choice.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";
import { nameClasses, nameSteps } from "./token_ticks.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../render/strips.js").Strip} Strip */
/** @typedef {import("../state/cells.js").Layer} Layer */

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
  const painter = new Strips();

  const isShown = () => store.view.top === "hidden_states";

  function drawMarks() {
    if (!isShown()) return;
    drawChooser();
    const { run } = scene;
    const strips = stripsOf(scene);
    if (!run || !strips[0]?.values.length) return;
    const isAlone = strips.length === 1;
    panel.setYTicks(isAlone);
    nameSteps(panel, "x");
    nameClasses(panel, run, isAlone && strips[0].quantity in WHAT && run.experiment.output.kind === "classes");
    panel.setRanges(scene.timeRange, isAlone ? [strips[0].rows + 0.5, 0.5] : rangeOfStrips(strips.length));
    panel.drawAxes();
    drawLegend(run, isAlone ? (painter.fill(0, strips[0], scene.palette)?.limit ?? 1) : null);
    panel.draw("marks", (context) => painter.paint(context, panel, strips, labelOf));
  }

  /** There is more to look at than the state. */
  function drawChooser() {
    const names = layersOf(store.experiment).filter((name) => scene.recording?.index.layers.includes(name) ?? true);
    if (names.join() !== [...chooser.options].map(({ value }) => value).join()) chooser.replaceChildren(...names.map((name) => new Option(LAYER_NAMES[name], name)));
    if (chooser.value !== store.view.layer) chooser.value = store.view.layer;
  }
  chooser.addEventListener("change", () => store.look({ layer: /** @type {import("../state/cells.js").Layer} */ (chooser.value) }), { signal });

  /** @param {Run} run @param {number | null} limit of the colours; null where every strip says its own */
  function drawLegend(run, limit) {
    if (!low || !bar || !high || !note) return;
    writeText(low, limit === null ? "−" : plain(-limit));
    writeText(high, limit === null ? "+" : plain(limit));
    writeProperty(bar, "--scale", signedGradient(scene.palette));
    writeAttribute(bar, "aria-label", limit === null ? "colour scale of each strip, up to the number beside its name" : `colour scale of ${store.view.layer} from ${plain(-limit)} to ${plain(limit)}`);
    writeText(panel.detail, run.B > 1 ? "" : WHAT[store.view.layer] ?? "units × time");
    const first = run.done?.first_nonfinite_step ?? null;
    writeText(note, first === null ? "" : `leaves ${run.experiment.dtype} at t = ${first + 1}`);
  }

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("hidden_states", drawMarks, signal);
  scene.loop.addLayer("hidden_states.cursor", () => panel.setCursor(scene.store.view.t), signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(stripsOf(scene))),
    /** @param {Run} run @param {number} at its place in the flight */
    prepare: (run, at) => isShown() && painter.fill(at, stripOf(run, "", store.view.layer), scene.palette),
  };
}

/** One network alone, or all that are compared. @param {import("../render/scene.js").Scene} scene @returns {readonly Strip[]} */
function stripsOf({ run, networks, store: { view: { layer } } }) {
  if (!run) return [];
  if (networks.length === 1 && (run.stack.length === 1 || layer !== "h")) return [stripOf(run, "", layer)];
  if (networks.length === 1) return stackOf(run);
  return networks.map(({ kind, name, run: own, problem }) => (own ? stripOf(own, `${longNameOf(kind)}${isGivenAll(own, run) ? ", input given to the end" : ""}`, layer) : nothing(problem ? name : longNameOf(kind), problem)));
}

/** What does not generate stands beside what does on the input that was given. @param {Run} own @param {Run} main */
const isGivenAll = (own, main) => generates(main.experiment) && !generates(own.experiment);

/** @param {Run} run @param {string} name @param {Layer} wanted a cell without it shows its state @returns {Strip} */
function stripOf(run, name, wanted) {
  const layer = !name || wanted === "h" || layersOf(run.experiment).includes(wanted) ? wanted : "h";
  return { name, run, values: run.layer(layer), rows: run.rowsOf(layer), quantity: layer, limit: () => colourLimit(run, layer), problem: "" };
}

/** The layers of one network, the top one first: its states at every step are the output, the last ones of all layers h_n. @param {Run} run @returns {readonly Strip[]} */
function stackOf(run) {
  const { stack, H } = run;
  return stack.map((layer, number) => ({
    name: number === stack.length - 1 ? `layer ${number + 1}: output [B, T, H]` : `layer ${number + 1}`, mark: `h_n[${number}]`,
    run, values: run.layer(layer), rows: H, quantity: /** @type {const} */ ("h"), limit: () => colourLimit(run, layer), problem: "",
  })).reverse();
}

/** @param {string} name @param {string} problem @returns {Strip} */
const nothing = (name, problem) => ({ name, run: null, values: new Float32Array(0), rows: 0, quantity: "h", limit: () => 1, problem });

/** @param {Strip} strip @param {number} limit */
function labelOf({ name, run, quantity, problem }, limit) {
  if (problem) return `${name}: ${problem}`;
  if (Number.isNaN(limit)) return `${name} …`;
  const first = run?.done?.first_nonfinite_step ?? null;
  return `${name}  ${quantity === "h" ? "" : `${quantity} `}±${plain(limit)}${first === null ? "" : `, leaves ${run?.experiment.dtype} at t = ${first + 1}`}`;
}

/**
 * The size that gets the full colour. What is bounded, tanh and all gates, is scaled by its whole run,
 * up to 1; a linear, rectified or cell state by how it starts, so that growth and decay show as
 * colour that comes or goes; an output as the state it is read from.
 * @param {Run} run @param {import("../net/run.js").AnyLayer} layer
 */
export function colourLimit(run, layer) {
  const { H, experiment: { cell } } = run;
  const h = run.layer(layer);
  if (layer === "c") return largestOf(h, run.statesEnd * H);
  if (layer !== "h" && layer !== "y" && !layer.startsWith("h_l")) return 1;
  const hasBound = isBounded(cell);
  // What attention gives is of one size throughout: its whole run is the scale.
  const columns = hasBound || cell.kind === "attention" ? run.statesEnd : Math.min(START_COLUMNS, run.statesEnd);
  const largest = largestOf(h, columns * run.rowsOf(layer));
  return hasBound && layer !== "y" ? Math.min(1, largest) : largest;
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

/** @param {readonly Strip[]} strips @returns {object[]} */
function hoverTraces(strips) {
  const isAlone = strips.length === 1;
  const cells = strips.reduce((count, { values }) => count + values.length, 0);
  if (cells > MAX_HOVER_CELLS) return [];
  return strips.flatMap(({ name, run, values, rows, quantity }, k) => {
    if (!run || !values.length) return [];
    const { columns } = run;
    const z = Array.from({ length: rows }, (_, unit) => Float64Array.from({ length: columns }, (_, column) => values[column * rows + unit] ?? NaN));
    const x = Array.from({ length: columns }, (_, column) => run.stepOf(column) + 1);
    const y = Array.from({ length: rows }, (_, unit) => (isAlone ? unit + 1 : placeOfRow(k, unit, rows)));
    // Strips share the y axis, so each cell brings its unit along.
    const units = isAlone ? {} : { customdata: z.map((_, unit) => new Array(columns).fill(unit + 1)), dy: 1 / rows };
    // One list for all rows: the token of each column, where it is one step.
    const tokens = Array.from({ length: columns }, (_, column) => (run.isBinned ? "" : plotlyText(andToken(run.tokenAt(run.stepOf(column))))));
    const [who, unit] = isAlone ? ["", "%{y:d}"] : [`<b>${name}</b><br>`, "%{customdata:d}"];
    return [{ type: "heatmap", x, y, z, text: z.map(() => tokens), ...units, opacity: 0, showscale: false, zsmooth: false, hovertemplate: `${who}${run.isBinned ? "largest from t = %{x:d} on" : "t = %{x:d}%{text}"}, unit ${unit}<br>${quantity} = %{z:.4g}<extra></extra>` }];
  });
}
