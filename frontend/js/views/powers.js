/** Powers of W_hh: ‖W_hh^t‖ against t, between the lines of ρ and σ_max: what a linear network would do to any start. */
import { plain, powerOfTen } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { PlotPanel } from "../render/panel.js";
import { StickyRange } from "../render/scale.js";
import { writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";

/** @typedef {NonNullable<import("../render/scene.js").Scene["matrixPowers"]>} Powers */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("bottom"), margins: TIME_MARGINS, canZoom: true,
    xaxis: { title: { text: "power t", standoff: 2 } }, yaxis: { tickprefix: "10<sup>", ticksuffix: "</sup>" }, integers: { x: 8, y: 6 },
  }, signal);
  panel.legend.innerHTML = `<span class="powers-note" role="status"></span><span class="curve curve-powers"><i></i>‖W<sub>hh</sub><sup>t</sup>‖</span><span class="curve reference"><i class="dotted"></i>ρ<sup>t</sup></span><span class="curve reference"><i class="dashed"></i>σ<sub>max</sub><sup>t</sup></span>`;
  const note = /** @type {HTMLElement} */ (panel.legend.querySelector(".powers-note"));
  const range = new StickyRange(-2, 2);

  const isShown = () => store.view.bottom === "powers";

  function drawMarks() {
    if (!isShown()) return;
    const { matrixPowers: powers, run } = scene;
    const done = run?.done;
    // Old powers beside a new matrix would be no picture of anything.
    const isPresent = powers !== null && done !== null && done !== undefined && powers.of === run?.experiment;
    const logs = isPresent ? Array.from(powers.log10_norm) : [];
    const finite = logs.filter(Number.isFinite);
    if (finite.length) range.fit(finite.reduce((a, b) => Math.min(a, b), 0), finite.reduce((a, b) => Math.max(a, b), 0), scene.isAtRest);
    panel.setRanges(scene.timeRange, [range.low, range.high]);
    panel.drawAxes();
    panel.setCursor(store.view.t);
    writeText(note, isPresent ? wordsOf(logs) : "");
    panel.draw("marks", (context, area) => {
      if (!isPresent || !done) return;
      const { palette } = scene;
      const stroke = { colour: palette.quiet, width: Math.max(1, palette.line_px / 2) };
      for (const [radius, dash] of /** @type {Array<[number | null, number[]]>} */ ([[done.spectral_radius, [1, 4]], [done.largest_singular_value, [6, 4]]])) {
        if (radius) paintLine(context, panel, [0, 0], [logs.length, logs.length * Math.log10(radius)], { ...stroke, dash });
      }
      paintLine(context, panel, [panel.xRange[0], 0], [panel.xRange[1], 0], { colour: palette.ink, width: 1, dash: [2, 4], alpha: 0.5 });
      paintText(context, "1", area.x + area.width - 4, panel.py(0) - 2, palette, { align: "right" });
      context.strokeStyle = palette.ink;
      context.lineWidth = palette.line_px * 1.25;
      context.lineJoin = "bevel";
      context.beginPath();
      context.moveTo(panel.px(0), panel.py(0));
      logs.forEach((value, k) => Number.isFinite(value) && context.lineTo(panel.px(k + 1), panel.py(value)));
      context.stroke();
    });
  }

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("powers", drawMarks, signal);
  scene.loop.addLayer("powers.cursor", () => isShown() && panel.setCursor(store.view.t), signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(scene.matrixPowers)) };
}

/** The top of the curve, and where it goes below 1 for good. @param {readonly number[]} logs */
export function wordsOf(logs) {
  const top = logs.reduce((best, value, k) => (value > (logs[best] ?? -Infinity) ? k : best), 0);
  const lastAbove = logs.findLastIndex((value) => value >= 0);
  const largest = `largest ${plain(10 ** Math.min(logs[top] ?? 0, 300))} at t = ${top + 1}`;
  if (top === logs.length - 1 && logs.length > 1) return `grows to ${powerOfTen(logs[top] ?? NaN)} at t = ${logs.length}`;
  if (lastAbove === logs.length - 1) return largest;
  return lastAbove < 0 ? `${largest}; always below 1` : `${largest}; below 1 from t = ${lastAbove + 2}`;
}

/** @param {Powers | null} powers @returns {object[]} */
function hoverTraces(powers) {
  if (!powers) return [];
  const logs = Array.from(powers.log10_norm);
  return [{ type: "scatter", mode: "lines", x: logs.map((_, k) => k + 1), y: logs.map((value) => (Number.isFinite(value) ? value : null)), text: logs.map((value) => powerOfTen(value)), opacity: 0, hovertemplate: "‖W<sub>hh</sub><sup>%{x:d}</sup>‖ = %{text}<extra></extra>" }];
}
