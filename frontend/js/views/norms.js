/** Norms and gradients over time on a log axis, with the lines that ρ and σ_max alone would draw. */
import { powerOfTen } from "../render/format.js";
import { finiteExtent, paintLine, paintSeries, paintText } from "../render/lines.js";
import { fateColour } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { StickyRange } from "../render/scale.js";
import { andToken, plotlyText } from "../render/token_text.js";
import { writeProperty, writeText } from "../render/write.js";
import { hasGates } from "../state/cells.js";
import { generates } from "../state/forms.js";
import { placeTitle } from "../ui/places.js";
import { COMPARED_DETAIL, COMPARED_SERIES, comparedHover, comparedLegend, paintNetworks } from "./norms_compared.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";
import { nameSteps } from "./token_ticks.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../net/run.js").SeriesName} SeriesName */

/** @typedef {{name: SeriesName, html: string, text: string, key: string, weight: number, dash?: readonly number[], title?: string, brief?: string}} Curve  brief: where many stand side by side */

const REFERENCES = `<span class="curve reference" title="what ρ alone would do: ρ^t from the left for states, ρ^(T − t) from the right for gradients"><i class="dotted"></i>ρ</span><span class="curve reference" title="what σ_max alone would do: the most that any step could grow a linear network"><i class="dashed"></i>σ<sub>max</sub></span>`;

/** @type {readonly Curve[]} */
const CURVES = Object.freeze([
  { name: "log10_norm_h", html: "→ ‖h<sub>t</sub>‖", text: "‖hₜ‖", key: "states", weight: 1, brief: "‖h‖", title: "norm of the state h_t, from the left" },
  { name: "log10_grad_h", html: "← ‖∂L/∂h<sub>t</sub>‖", text: "‖∂L/∂hₜ‖", key: "gradients", weight: 1.25, brief: "‖∂h‖", title: "norm of the gradient ∂L/∂h_t, from the right" },
  { name: "log10_grad_W_hh", html: "← ‖∂L/∂W<sub>hh</sub>|<sub>t</sub>‖", text: "share of ∂L/∂W", key: "share", weight: 0.5, brief: "∂W", title: "this step's share of the gradient of the shared W_hh" },
]);

/** What a gated cell has beside: its direct path, the product of the gates that keep. @type {Readonly<Record<string, readonly Curve[]>>} */
const MORE_CURVES = Object.freeze({
  gru: [
    { name: "log10_direct_path", html: "← Πz", brief: "Πz", text: "direct path Πz", key: "direct", weight: 0.8, dash: [7, 4], title: "what of ∂L/∂h_T comes down the direct path alone, through the product of the update gates" },
  ],
  lstm: [
    { name: "log10_norm_c", html: "→ ‖c‖", brief: "‖c‖", text: "‖cₜ‖", key: "states-c", weight: 0.6, dash: [2, 3], title: "norm of the cell state" },
    { name: "log10_grad_c", html: "← ‖∂L/∂c‖", brief: "‖∂c‖", text: "‖∂L/∂cₜ‖", key: "gradients-c", weight: 0.8, dash: [2, 3], title: "norm of the gradient with respect to the cell state" },
    { name: "log10_direct_path", html: "← Πf", brief: "Πf", text: "direct path Πf", key: "direct", weight: 0.8, dash: [7, 4], title: "what of ∂L/∂c_T comes down the direct path alone, through the product of the forget gates" },
  ],
});
/** @param {{kind: string, layers: number}} cell @returns {readonly Curve[]} */
const curvesOf = ({ kind, layers }) => [...CURVES, ...(MORE_CURVES[kind] ?? []), ...curvesBelow(layers)];

/** How the gradient reaches the layers under the top one. @param {number} layers @returns {Curve[]} */
function curvesBelow(layers) {
  return Array.from({ length: layers - 1 }, (_, number) => ({
    name: /** @type {const} */ (`log10_grad_h_l${number}`), html: `← layer ${number + 1}`, brief: `∂h, layer ${number + 1}`, text: `layer ${number + 1}`, key: `gradients-l${number}`, weight: 0.8, dash: [2 + 2 * number, 3],
    title: `norm of the gradient with respect to the states of layer ${number + 1}; the thick line is the top layer's`,
  }));
}

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("bottom"), margins: TIME_MARGINS, canZoom: true,
    xaxis: { title: { text: "step t", standoff: 2 } }, yaxis: { tickprefix: "10<sup>", ticksuffix: "</sup>" }, integers: { x: 8, y: 6 },
  }, signal);
  /** Whose curves the legend names. */
  let legendOf = "";

  /** @param {{kind: string, layers: number}} cell */
  function writeLegend(cell) {
    const key = `${cell.kind} ${cell.layers}`;
    if (legendOf === key) return;
    legendOf = key;
    legend.forget();
    // Many layers are one entry: their lines are told apart by where they lie.
    const isMany = cell.layers > 3;
    const named = curvesOf(cell).filter(({ key }) => !isMany || !/^gradients-l[1-9]/.test(key)).map((curve) => (isMany && curve.key === "gradients-l0" ? { ...curve, brief: `∂h, layers 1 to ${cell.layers - 1}` } : curve));
    const lines = named.map(({ html, brief = html, key, dash, title = "" }) => `<span class="curve curve-${key}" title="${title}"><i${dash ? ` class="${(dash[0] ?? 0) < 4 ? "dotted" : "dashed"}"` : ""}></i>${hasGates(cell) || cell.layers > 1 ? brief : html}</span>`).join("");
    panel.legend.innerHTML = lines + (hasGates(cell) || cell.layers > 1 || cell.kind === "attention" ? "" : REFERENCES);
  }
  const legend = comparedLegend(panel.legend);
  const range = new StickyRange(-2, 2);

  function drawMarks() {
    const { run, held, networks } = scene;
    if (!run) return;
    panel.element.classList.toggle("is-crowded", networks.length > 2 || (run.experiment.cell.layers > 1 && hasGates(run.experiment.cell)));
    writeText(panel.detail, networks.length > 1 ? COMPARED_DETAIL : "");
    nameSteps(panel, "x");
    if (networks.length > 1) return drawNetworks(run);
    const shown = held ? [run, held.run] : [run];
    const curves = curvesOf(run.experiment.cell);
    writeLegend(run.experiment.cell);
    range.fit(...finiteExtent(shown.flatMap((each) => curvesOf(each.experiment.cell).map(({ name }) => each.series(name)))), scene.isAtRest);
    panel.setRanges(scene.timeRange, [range.low, range.high]);
    panel.drawAxes();
    panel.draw("marks", (context, area) => {
      paintFloatEnds(context, area, run);
      paintForm(context, area, run);
      if (held) paintHeld(context, held.run, curvesOf(held.run.experiment.cell));
      paintReferences(context, run);
      for (const { name, key, weight, dash } of [...curves].reverse()) {
        const colour = curveColour(run, key);
        paintSeries(context, panel, run, run.series(name), { colour, width: scene.palette.line_px * weight, alpha: key === "share" ? 0.75 : 1, ...(dash ? { dash } : {}) });
      }
      paintEnds(context, run);
      paintZero(context, area, run);
    });
    colourLegend(run);
  }

  /** @param {Run} run the main one */
  function drawNetworks(run) {
    const { held, networks } = scene;
    const runs = [...networks.map((each) => each.run), held?.run].filter((each) => each !== null && each !== undefined);
    legendOf = "";
    legend.draw(networks, scene.palette);
    range.fit(...finiteExtent(runs.flatMap((each) => COMPARED_SERIES.map((name) => each.series(name)))), scene.isAtRest);
    panel.setRanges(scene.timeRange, [range.low, range.high]);
    panel.drawAxes();
    panel.draw("marks", (context, area) => {
      paintFloatEnds(context, area, run);
      paintForm(context, area, run);
      if (held) paintHeld(context, held.run, CURVES.slice(0, 2));
      paintNetworks(context, panel, networks);
    });
  }

  /** @param {Run} run @param {string} key */
  function curveColour(run, key) {
    const diagnosis = run.done?.diagnosis;
    return fateColour(scene.palette, key.startsWith("states") ? diagnosis?.states.fate : diagnosis?.gradients.fate);
  }

  /** @param {CanvasRenderingContext2D} context @param {Run} held @param {readonly Curve[]} curves */
  function paintHeld(context, held, curves) {
    for (const { name, weight } of curves) {
      paintSeries(context, panel, held, held.series(name), { colour: scene.palette.quiet, width: scene.palette.line_px * weight, alpha: 0.45 });
    }
  }

  /** An arrowhead and the name where each curve ends: states run forward, gradients backward. @param {CanvasRenderingContext2D} context @param {Run} run */
  function paintEnds(context, run) {
    const size = 4 + 2 * scene.palette.line_px;
    for (const { name, text, key } of CURVES.slice(0, 2)) {
      const isForward = key === "states";
      const { mean, high: largest } = run.series(name);
      const high = mean ?? largest;
      const column = isForward ? high.findLastIndex(Number.isFinite) : high.findIndex(Number.isFinite);
      if (column < 0 || run.columns < 2) continue;
      const direction = isForward ? 1 : -1;
      const x = panel.px(run.stepOf(column) + 1);
      const y = panel.py(/** @type {number} */ (high[column]));
      context.fillStyle = curveColour(run, key);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x - direction * size * 1.6, y - size * 0.8);
      context.lineTo(x - direction * size * 1.6, y + size * 0.8);
      context.fill();
      const isHigh = y < panel.area.y + panel.area.height / 2;
      paintText(context, text, x - direction * (size * 1.6 + 6), isHigh ? y + scene.palette.text_px + size + 4 : y - size, scene.palette, { align: isForward ? "right" : "left", colour: curveColour(run, key) });
    }
  }

  /** What ρ and σ_max alone would do: from the left for states, from the right for gradients. @param {CanvasRenderingContext2D} context @param {Run} run */
  function paintReferences(context, run) {
    const { done } = run;
    // Of a gated cell no one matrix says what it would do alone.
    if (!done?.diagnosis?.certificate) return;
    const { states, gradients } = done.diagnosis;
    const stroke = { colour: scene.palette.quiet, width: Math.max(1, scene.palette.line_px / 2) };
    const slopes = [[done.spectral_radius, [1, 4]], [done.largest_singular_value, [6, 4]]];
    // While it generates another matrix acts: from there on these lines would say nothing.
    const end = generates(run.experiment) ? (run.experiment.generation.after ?? run.T) : run.T;
    for (const [radius, dash] of /** @type {Array<[number | null, number[]]>} */ (slopes)) {
      if (!radius) continue;
      for (const { fate, isForward } of [{ fate: states, isForward: true }, ...(end === run.T ? [{ fate: gradients, isForward: false }] : [])]) {
        const { log10_start: start, start_after: after } = fate;
        if (start === null || after === null) continue;
        const [from, to] = isForward ? [1 + after, end] : [run.T - after, 1];
        if (isForward && to <= from) continue;
        paintLine(context, panel, [from, start], [to, start + Math.abs(to - from) * Math.log10(radius)], { ...stroke, dash });
      }
    }
  }

  /** Where the given input ends and outputs are fed back. @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {Run} run */
  function paintForm(context, area, run) {
    const { after } = run.experiment.generation;
    if (after === null || !generates(run.experiment)) return;
    const [x, y] = [panel.px(after + 0.5), area.y + area.height - 3];
    paintLine(context, panel, [after + 0.5, panel.yRange[0]], [after + 0.5, panel.yRange[1]], { colour: scene.palette.quiet, width: 1 });
    paintText(context, "given", x - 5, y, scene.palette, { align: "right" });
    paintText(context, "generated", x + 5, y, scene.palette);
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {Run} run */
  function paintFloatEnds(context, area, run) {
    const end = run.done?.diagnosis?.float_end;
    if (!end) return;
    for (const [at, word] of /** @type {Array<[number, string]>} */ ([[end.log10_max, "overflows"], [end.log10_tiny, "underflows"]])) {
      if (at <= range.low || at >= range.high) continue;
      paintLine(context, panel, [panel.xRange[0], at], [panel.xRange[1], at], { colour: scene.palette.ink, width: 1, dash: [10, 3, 2, 3], alpha: 0.7 });
      const y = panel.py(at);
      const { text_px } = scene.palette;
      // On the side where the numbers end, if there is room.
      const isAbove = at > 0 ? y - text_px > area.y : y + text_px + 4 > area.y + area.height;
      paintText(context, `${end.dtype} ${word} here`, area.x + area.width - 6, isAbove ? y - 2 : y + text_px + 4, scene.palette, { align: "right" });
    }
  }

  /** A gradient or state that is exactly zero has no logarithm: say so where it would be. @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {Run} run */
  function paintZero(context, area, run) {
    for (const { name, text, key } of CURVES.slice(0, 2)) {
      const { high } = run.series(name);
      const isForward = key === "states";
      const first = isForward ? high.indexOf(-Infinity) : high.lastIndexOf(-Infinity);
      if (first < 0) continue;
      const x = panel.px(run.stepOf(first) + 1);
      const isRightHalf = x > area.x + area.width / 2;
      paintText(context, `${text} = 0 exactly`, x, area.y + area.height - (isForward ? 2 : scene.palette.text_px + 6), scene.palette, { align: isRightHalf ? "right" : "left", colour: scene.palette.vanish });
    }
  }

  /** @param {Run} run */
  function colourLegend(run) {
    for (const { key } of curvesOf(run.experiment.cell)) {
      const swatch = /** @type {HTMLElement | null} */ (panel.legend.querySelector(`.curve-${key} i`));
      if (swatch) writeProperty(swatch, "--swatch", curveColour(run, key));
    }
  }

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("norms", drawMarks, signal);
  scene.loop.addLayer("norms.cursor", () => panel.setCursor(scene.store.view.t), signal);
  return { panel, rest: () => panel.rest(() => (scene.networks.length > 1 ? comparedHover(scene.networks) : hoverTraces(scene.run))) };
}

/** @param {Run | null} run @returns {object[]} */
function hoverTraces(run) {
  if (!run) return [];
  const x = Array.from({ length: run.columns }, (_, column) => run.stepOf(column) + 1);
  const customdata = x.map((t) => (run.isBinned ? "" : plotlyText(andToken(run.tokenAt(t - 1)))));
  return curvesOf(run.experiment.cell).map(({ name, html }) => {
    const y = Array.from(run.series(name).high, (value) => (Number.isFinite(value) ? value : null));
    const text = Array.from(run.series(name).high, (value) => powerOfTen(value));
    return { type: "scatter", mode: "lines", x, y, text, customdata, opacity: 0, hovertemplate: `${run.isBinned ? "largest from t = %{x:d} on" : "t = %{x:d}%{customdata}"}<br>${html.slice(2)} = %{text}<extra></extra>` };
  });
}
