/** The influence map: what of a change of every input x_k is left in every later state h_t, in decades. */
import { powerOfTen } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { fateGradient } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { Raster } from "../render/raster.js";
import { textWidth } from "../render/stamps.js";
import { writeHidden, writeProperty, writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";

/** Decades up or down that get the full colour. */
const DECADES = 10;
/** What is within so many decades of the strongest input still matters. */
const MATTERS = 1;

/** @typedef {NonNullable<import("../render/scene.js").Scene["influence"]>} Influence */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("top"), detail: "‖∂hₜ/∂xₖ‖", margins: { ...TIME_MARGINS, bottom: 1.9 }, canZoom: true, hasOverlay: true,
    xaxis: { showgrid: false }, yaxis: { showgrid: false, title: { text: "of input k", standoff: 4 } }, integers: { x: 8, y: 5 },
  }, signal);
  panel.legend.innerHTML = `<span class="panel-note" role="status"></span><span class="visually-hidden influence-said"></span>
    <span class="scale-end">≤10<sup>−${DECADES}</sup></span><span class="scale-bar" role="img" aria-label="colour scale from 10 to the minus ${DECADES} over 1 to 10 to the ${DECADES}"></span><span class="scale-end">≥10<sup>${DECADES}</sup></span>`;
  const [note, said, , bar] = /** @type {HTMLElement[]} */ ([...panel.legend.children]);
  const raster = new Raster();
  /** @type {Influence | null} */
  let filled = null;
  let palette = scene.palette;

  const isShown = () => store.view.top === "influence";
  const isPresent = () => scene.influence !== null && scene.influence.of === scene.run?.experiment;

  function drawMarks() {
    if (!isShown() || !note || !bar) return;
    const map = scene.influence;
    const [low, high] = scene.timeRange;
    panel.setRanges(scene.timeRange, [high, low]);
    panel.drawAxes();
    writeProperty(bar, "--scale", fateGradient(scene.palette));
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
        shown[t * n + k] = k > t ? 0 : value === -Infinity ? -DECADES : Math.max(-3e38, Math.min(value, 3e38));
      }
    }
    raster.fill(shown, n, n, DECADES, { ...scene.palette, signed: scene.palette.fates }, { isTransposed: true });
  }

  /** The state at the cursor, and in words which inputs still matter there. */
  function drawCursor() {
    if (!isShown() || !said) return;
    const { t } = store.view;
    const words = scene.influence?.edges.length && isPresent() ? wordsAt(scene.influence, t) : [];
    panel.setCursor(t);
    panel.draw("overlay", (context) => {
      const { ink, quiet } = scene.palette;
      paintLine(context, panel, [panel.xRange[0], panel.xRange[0]], [panel.xRange[1], panel.xRange[1]], { colour: quiet, width: 1 });
      paintLine(context, panel, [t, panel.yRange[1]], [t, t], { colour: ink, width: 2 });
      paintWords(context, words);
    });
    writeText(said, words.map(([whole]) => whole).join(", "));
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

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("influence", drawMarks, signal);
  scene.loop.addLayer("influence.cursor", drawCursor, signal);
  return { panel, rest: () => isShown() && panel.rest(() => (isPresent() ? hoverTraces(scene.influence) : [])) };
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

/** @param {Influence | null} map @returns {object[]} */
function hoverTraces(map) {
  if (!map?.edges.length) return [];
  const n = map.edges.length - 1;
  const at = Array.from({ length: n }, (_, k) => (map.edges[k] ?? 0) + 1);
  const value = (/** @type {number} */ t, /** @type {number} */ k) => (k > t ? NaN : (map.values[t * n + k] ?? NaN));
  const z = at.map((_, k) => at.map((__, t) => Math.max(value(t, k), -1e6)));
  const text = at.map((_, k) => at.map((__, t) => (k > t ? "later than this state" : powerOfTen(value(t, k)))));
  return [{ type: "heatmap", x: at, y: at, z, text, opacity: 0, showscale: false, zsmooth: false, hovertemplate: "t = %{x:d}, k = %{y:d}<br>‖∂h<sub>t</sub>/∂x<sub>k</sub>‖ = %{text}<extra></extra>" }];
}
