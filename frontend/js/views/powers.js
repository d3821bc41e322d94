/** Powers of W_hh: ‖W_hh^t‖ against t, between the lines of ρ and σ_max: what a linear network would do to any start. */
import { plain, powerOfTen } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { fateColour } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { StickyRange } from "../render/scale.js";
import { writeHidden, writeProperty, writeText } from "../render/write.js";
import { generates } from "../state/forms.js";
import { placeTitle } from "../ui/places.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {[number, number]} Point  power t and a logarithm */
/** @typedef {NonNullable<import("../render/scene.js").Scene["matrixPowers"]>} Powers */

const GRADIENT = "‖∂L/∂h_T−t‖ / ‖∂L/∂h_T‖, what the run's own gradient has left after t steps back: the slopes φ′ are part of it, the powers are of W_hh alone";
const KREISS = "Kreiss constant of W_hh: the largest of (|z| − 1)·‖(zI − W_hh)⁻¹‖ over |z| > 1. Some power is at least as large, and none is larger than e·H times that; up to 128 units";

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("bottom"), margins: TIME_MARGINS, canZoom: true,
    xaxis: { title: { text: "power t", standoff: 2 } }, yaxis: { tickprefix: "10<sup>", ticksuffix: "</sup>" }, integers: { x: 8, y: 6 },
  }, signal);
  panel.legend.innerHTML = `<span class="powers-note" role="status"></span><span class="curve curve-powers"><i></i>‖W<sub>hh</sub><sup>t</sup>‖</span><span class="curve curve-gradient" title="${GRADIENT}"><i></i>gradient</span><span class="kreiss" title="${KREISS}"></span>`;
  const note = /** @type {HTMLElement} */ (panel.legend.querySelector(".powers-note"));
  panel.describeBy(note, "powers-note");
  const gradientEntry = /** @type {HTMLElement} */ (panel.legend.querySelector(".curve-gradient"));
  const kreissWord = /** @type {HTMLElement} */ (panel.legend.querySelector(".kreiss"));
  const range = new StickyRange(-2, 2);

  const isShown = () => store.view.bottom === "powers";

  function drawMarks() {
    if (!isShown()) return;
    const { matrixPowers: powers, run } = scene;
    const done = run?.done;
    // Old powers beside a new matrix would be no picture of anything.
    const isPresent = powers !== null && done !== null && done !== undefined && powers.of === run?.experiment;
    const logs = isPresent ? Array.from(powers.log10_norm) : [];
    const gradient = isPresent && run && logs.length ? gradientPath(run) : [];
    writeHidden(gradientEntry, !gradient.length);
    const colour = fateColour(scene.palette, done?.diagnosis?.gradients.fate);
    writeProperty(/** @type {HTMLElement} */ (gradientEntry.firstElementChild), "--swatch", colour);
    const finite = [...logs, ...gradient.map(([, value]) => value)].filter(Number.isFinite);
    if (finite.length) range.fit(finite.reduce((a, b) => Math.min(a, b), 0), finite.reduce((a, b) => Math.max(a, b), 0), scene.isAtRest);
    panel.setRanges(scene.timeRange, [range.low, range.high]);
    panel.drawAxes();
    panel.setCursor(store.view.t);
    writeText(note, isPresent ? powers.words || wordsOf(logs) : "");
    // A constant of 1 is the line that is there already, and above ρ = 1 it is infinite.
    const kreiss = isPresent && powers.kreiss > 1.005 && Number.isFinite(powers.kreiss) ? powers.kreiss : 0;
    writeText(kreissWord, kreiss ? `Kreiss ${plain(kreiss)}` : "");
    panel.draw("marks", (context, area) => {
      if (!isPresent || !done || !logs.length) return;
      const { palette } = scene;
      const stroke = { colour: palette.quiet, width: Math.max(1, palette.line_px / 2) };
      const { spectral_radius: radius, largest_singular_value: sigma } = done;
      const isNormal = radius !== null && sigma !== null && Math.abs(radius - sigma) < 0.005 * sigma;
      if (!isNormal) paintPower(context, area, sigma, logs.length, "σₘₐₓᵗ", { ...stroke, dash: [6, 4] });
      paintPower(context, area, radius, logs.length, isNormal ? "ρᵗ, σₘₐₓᵗ" : "ρᵗ", { ...stroke, dash: [1, 4] });
      paintLine(context, panel, [panel.xRange[0], 0], [panel.xRange[1], 0], { colour: palette.ink, width: 1, dash: [2, 4], alpha: 0.5 });
      if (kreiss) {
        const level = Math.log10(kreiss);
        paintLine(context, panel, [panel.xRange[0], level], [panel.xRange[1], level], { colour: palette.explode, width: stroke.width, dash: [10, 3, 2, 3] });
        paintText(context, `Kreiss ${plain(kreiss)}`, area.x + area.width - 4, panel.py(level) - 2, palette, { align: "right" });
      }
      paintCurve(context, [[0, 0], ...logs.map((value, k) => /** @type {Point} */ ([k + 1, value]))], palette.ink, palette.line_px * 1.25);
      paintCurve(context, gradient, colour, palette.line_px);
    });
  }

  /** radius^t, with its name where it leaves the picture. @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {number | null} radius @param {number} steps @param {string} name @param {import("../render/lines.js").Stroke} stroke */
  function paintPower(context, area, radius, steps, name, stroke) {
    if (!radius) return;
    const slope = Math.log10(radius);
    paintLine(context, panel, [0, 0], [steps, steps * slope], stroke);
    const end = Math.min(steps, panel.xRange[1], Math.abs((slope < 0 ? panel.yRange[0] : panel.yRange[1]) / (slope || 1e-9)));
    const [x, y] = [panel.px(end), panel.py(end * slope)];
    const { text_px } = scene.palette;
    const isRoomAbove = y - text_px > area.y + 2;
    paintText(context, name, Math.max(x - 6, area.x + 4 * text_px), isRoomAbove ? y - 4 : y + text_px + 4, scene.palette, { align: "right" });
  }

  /** @param {CanvasRenderingContext2D} context @param {readonly Point[]} points @param {string} colour @param {number} width */
  function paintCurve(context, points, colour, width) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = "bevel";
    context.beginPath();
    for (const [t, value] of points) if (Number.isFinite(value)) context.lineTo(panel.px(t), panel.py(value));
    context.stroke();
  }

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("powers", drawMarks, signal);
  scene.loop.addLayer("powers.cursor", () => isShown() && panel.setCursor(store.view.t), signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(scene.matrixPowers)) };
}

/**
 * What the run's own gradient has left after t steps back, log10 ‖∂L/∂h_{T-t}‖ / ‖∂L/∂h_T‖: of a
 * linear network no more than ‖W_hh^t‖, of another as much as its slopes let through. None where the
 * loss is not at the end alone, where another matrix acts, and in a zoom, which has no last step.
 * @param {Run} run @returns {Point[]}
 */
export function gradientPath(run) {
  const { experiment, T } = run;
  if (experiment.loss.at !== "last" || experiment.cell.layers > 1 || generates(experiment) || run.window.t0 > 0 || run.window.t1 < T) return [];
  const { high, mean } = run.series("log10_grad_h");
  const logs = mean ?? high;
  const last = logs[run.columns - 1] ?? NaN;
  if (!Number.isFinite(last)) return [];
  return Array.from({ length: run.columns }, (_, k) => /** @type {Point} */ ([T - 1 - run.stepOf(run.columns - 1 - k), (logs[run.columns - 1 - k] ?? NaN) - last]));
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
