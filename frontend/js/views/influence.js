/** The influence map: what of a change of every input x_k is left in every later state h_t, in decades. */
import { powerOfTen, superscript } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { fateGradient } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { Raster } from "../render/raster.js";
import { textWidth } from "../render/stamps.js";
import { andToken, plotlyText } from "../render/token_text.js";
import { writeAttribute, writeHidden, writeProperty, writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";
import { belowText, decadesAt, MATTERS, tokenWordsAt } from "./influence_tokens.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";
import { nameSteps } from "./token_ticks.js";

/** Decades up or down that get the full colour: the first of these that a map does not leave, or the last. */
const SCALES = Object.freeze([3, 10]);

/** @typedef {NonNullable<import("../render/scene.js").Scene["influence"]>} Influence */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("top"), detail: "‖∂hₜ/∂xₖ‖", margins: { ...TIME_MARGINS, bottom: 1.9 }, canZoom: true, hasOverlay: true,
    xaxis: { showgrid: false }, yaxis: { showgrid: false, title: { text: "of input k", standoff: 4 } }, integers: { x: 8, y: 5 },
  }, signal);
  panel.legend.innerHTML = `<span class="panel-note" role="status"></span><span class="visually-hidden influence-said"></span>
    <span class="scale-end"></span><span class="scale-bar" role="img"></span><span class="scale-end"></span>`;
  const [note, said, low, bar, high] = /** @type {HTMLElement[]} */ ([...panel.legend.children]);
  if (said) panel.describeBy(said, "influence-said");
  const raster = new Raster();
  /** @type {Influence | null} */
  let filled = null;
  let palette = scene.palette;
  let decades = SCALES[0] ?? 3;

  /** The step under a pointer; the words speak of it as long as it is there. @type {number | null} */
  let pointed = null;

  const isShown = () => store.view.top === "influence";
  const isPresent = () => scene.influence !== null && scene.influence.of === scene.run?.experiment;

  function drawMarks() {
    if (!isShown() || !note) return;
    const map = scene.influence;
    const [first, last] = scene.timeRange;
    nameSteps(panel, "x");
    nameSteps(panel, "y");
    panel.setRanges(scene.timeRange, [last, first]);
    panel.drawAxes();
    if (map?.edges.length) decades = scaleOf(map);
    drawLegend();
    writeText(note, map?.problem ?? "");
    writeHidden(panel.marks, !map?.edges.length);
    // While a hand moves, the map of before stays as a shadow: it is of another network.
    panel.element.classList.toggle("is-of-before", !isPresent());
    if (map?.edges.length) {
      fill(map);
      panel.draw("marks", (context) => {
        const [first, last] = [(map.edges[0] ?? 0) + 0.5, (map.edges.at(-1) ?? 0) + 0.5];
        raster.paint(context, panel.px(first), panel.py(first), panel.px(last) - panel.px(first), panel.py(last) - panel.py(first));
      });
    }
    drawCursor();
  }

  function drawLegend() {
    if (!low || !bar || !high) return;
    writeText(low, `≤10${superscript(-decades)}`);
    writeText(high, `≥10${superscript(decades)}`);
    writeProperty(bar, "--scale", fateGradient(scene.palette));
    writeAttribute(bar, "aria-label", `colour scale from 10 to the minus ${decades} over 1 to 10 to the ${decades}`);
  }

  /** Columns are times t, rows inputs k: what came later than t has no value, and no colour. @param {Influence} map */
  function fill(map) {
    if (filled === map && palette === scene.palette) return;
    [filled, palette] = [map, scene.palette];
    const n = map.edges.length - 1;
    const shown = new Float32Array(n * n);
    for (let t = 0; t < n; t++) {
      for (let k = 0; k < n; k++) {
        const value = /** @type {number} */ (map.values[t * n + k]);
        // Nothing left is the end of the scale; before the input there is nothing to be left.
        shown[t * n + k] = k > t ? 0 : value === -Infinity ? -decades : Math.max(-3e38, Math.min(value, 3e38));
      }
    }
    raster.fill(shown, n, n, decades, { ...scene.palette, signed: scene.palette.fates }, { isTransposed: true });
  }

  /** The state at the cursor, and in words which inputs still matter there. */
  function drawCursor() {
    if (!isShown() || !said) return;
    const map = scene.influence?.edges.length && isPresent() ? scene.influence : null;
    const t = (map && pointed) ?? store.view.t;
    const words = map ? tokenWordsAt(map, t, tokenAt) ?? wordsAt(map, t) : [];
    panel.setCursor(store.view.t);
    panel.draw("overlay", (context) => {
      const { ink, quiet } = scene.palette;
      paintLine(context, panel, [panel.xRange[0], panel.xRange[0]], [panel.xRange[1], panel.xRange[1]], { colour: quiet, width: 1 });
      paintLine(context, panel, [t, panel.yRange[1]], [t, t], { colour: ink, width: 2 });
      if (map) paintDecades(context, map, t);
      paintWords(context, words);
    });
    writeText(said, words.map(([whole]) => whole).join(", "));
  }

  /** @param {number} step from 0 */
  const tokenAt = (step) => scene.run?.tokenAt(step) ?? null;

  /** Beside its line how far each token lies below the strongest, in decades: where a row has room for a number. @param {CanvasRenderingContext2D} context @param {Influence} map @param {number} t */
  function paintDecades(context, map, t) {
    const { palette } = scene;
    const start = map.edges[0] ?? 0;
    if (Math.abs(panel.py(1) - panel.py(0)) < 1.15 * palette.text_px || tokenAt(start) === null) return;
    const isRoomy = panel.area.x + panel.area.width - panel.px(t) > 3 * palette.text_px;
    decadesAt(map, t).forEach((below, k) => {
      const y = panel.py(start + k + 1) + 0.6 * palette.text_px;
      paintText(context, belowText(below), panel.px(t) + (isRoomy ? 5 : -5), y, palette, { colour: palette.ink, align: isRoomy ? "left" : "right" });
    });
  }

  /** Where no input can act, under the diagonal, there is room: each line in the longest form that fits there. @param {CanvasRenderingContext2D} context @param {string[][]} words */
  function paintWords(context, words) {
    const { palette } = scene;
    const { x, y, width, height } = panel.area;
    let bottom = y + height - 6;
    words.toReversed().forEach((forms, k) => {
      const top = bottom - 1.35 * palette.text_px;
      const room = ((top - y) / height) * width - 16;
      const text = forms.find((form) => textWidth(`${palette.text_px}px ${palette.font}`, form) < room);
      if (text === undefined) return;
      paintText(context, text, x + 8, bottom, palette, k ? {} : { colour: palette.ink });
      bottom = top;
    });
  }

  /** @param {number | null} step */
  function point(step) {
    if (pointed === step) return;
    pointed = step;
    scene.loop.mark("influence.cursor");
  }
  panel.body.addEventListener("pointermove", (event) => {
    const under = event.pointerType === "mouse" ? panel.dataUnder(event) : null;
    point(under && Math.round(under[0]));
  }, { signal });
  panel.body.addEventListener("pointerleave", () => point(null), { signal });
  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("influence", drawMarks, signal);
  scene.loop.addLayer("influence.cursor", drawCursor, signal);
  return { panel, rest: () => isShown() && panel.rest(() => (isPresent() ? hoverTraces(scene.influence, tokenAt) : [])) };
}

/** @param {Influence} map */
function scaleOf({ edges, values }) {
  const n = edges.length - 1;
  let largest = 0;
  for (let t = 0; t < n; t++) for (let k = 0; k <= t; k++) largest = Math.max(largest, Math.abs(values[t * n + k] ?? 0));
  return SCALES.find((scale) => largest <= scale) ?? /** @type {number} */ (SCALES.at(-1));
}

/** Which inputs the state at a step still knows: lines, each in forms from long to short. @param {Influence} map @param {number} t from 1 @returns {string[][]} */
export function wordsAt({ edges, values }, t) {
  const n = edges.length - 1;
  const row = edges.findLastIndex((edge) => edge < t);
  if (row < 0 || row >= n) return [];
  const known = Array.from({ length: row + 1 }, (_, k) => values[row * n + k] ?? -Infinity);
  const strongest = Math.max(...known);
  if (strongest === -Infinity) return [[`at t = ${t} no input has any influence`, "no influence"]];
  const oldest = known.findIndex((value) => value >= strongest - MATTERS);
  const since = (edges[oldest] ?? 0) + 1;
  const back = t - since;
  const first = known[0] ?? -Infinity;
  const start = `x at ${(edges[0] ?? 0) + 1}`;
  return [
    [`at t = ${t}`],
    first === -Infinity ? [`${start}: nothing is left`] : [`${start}: ${powerOfTen(first - strongest)} of the strongest`],
    back === 0
      ? ["the latest input alone still matters", "only the latest matters", `only k = ${t}`]
      : [`inputs up to ${back} step${back === 1 ? "" : "s"} back still matter (×0.1 of the strongest)`, `inputs up to ${back} back still matter`, `k ≥ ${since} matter`],
  ];
}

/** @param {Influence | null} map @param {(step: number) => string | null} tokenAt of a step, from 0 @returns {object[]} */
function hoverTraces(map, tokenAt) {
  if (!map?.edges.length) return [];
  const n = map.edges.length - 1;
  const at = Array.from({ length: n }, (_, k) => (map.edges[k] ?? 0) + 1);
  const value = (/** @type {number} */ t, /** @type {number} */ k) => (k > t ? NaN : (map.values[t * n + k] ?? NaN));
  const z = at.map((_, k) => at.map((__, t) => Math.max(value(t, k), -1e6)));
  const names = at.map((step) => plotlyText(andToken(tokenAt(step - 1))));
  const decades = names[0] ? at.map((step) => decadesAt(map, step)) : [];
  const less = (/** @type {number} */ t, /** @type {number} */ k) => (decades[t]?.[k] === undefined ? "" : `, ${belowText(decades[t][k])} decades from the strongest`);
  const text = at.map((_, k) => at.map((__, t) => (k > t ? "later than this state" : powerOfTen(value(t, k)) + less(t, k))));
  const customdata = at.map((_, k) => at.map((__, t) => [names[t], names[k]]));
  return [{ type: "heatmap", x: at, y: at, z, text, customdata, opacity: 0, showscale: false, zsmooth: false, hovertemplate: "t = %{x:d}%{customdata[0]}, k = %{y:d}%{customdata[1]}<br>‖∂h<sub>t</sub>/∂x<sub>k</sub>‖ = %{text}<extra></extra>" }];
}
