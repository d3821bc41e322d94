/** How long the start is remembered: ‖h_t - h'_t‖ of runs from other starts, against t, beside what ρ alone would do. */
import { apart } from "../render/apart.js";
import { factorText, powerOfTen } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { fateColour } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { StickyRange } from "../render/scale.js";
import { dashOfStart, nameOfStart } from "../render/start_marks.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { isBounded } from "../state/cells.js";
import { generates } from "../state/forms.js";
import { placeTitle } from "../ui/places.js";
import { mountStartsChoice } from "../ui/starts_choice.js";
import { bindTimePanel, TIME_MARGINS } from "./time_axis.js";

/** @typedef {import("../render/scene.js").Answer} Answer */

/** The fates as the server numbers them. */
const FATES = Object.freeze(["live", "vanish", "explode", "zero"]);

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("bottom"), margins: TIME_MARGINS, canZoom: true,
    xaxis: { title: { text: "step t", standoff: 2 } }, yaxis: { tickprefix: "10<sup>", ticksuffix: "</sup>" }, integers: { x: 8, y: 6 },
  }, signal);
  panel.legend.innerHTML = `<span class="curve reference" data-of="rho" title="what ρ alone would make of the first distance: ρ^t"><i class="dotted"></i>ρ<sup>t</sup></span><span class="curve reference" data-of="lyapunov" title="what the first Lyapunov exponent makes of it: e^(Λ₁t)"><i class="dashed"></i>e<sup>Λ₁t</sup></span>`;
  const [ofRho, ofLyapunov] = /** @type {[HTMLElement, HTMLElement]} */ ([...panel.legend.children]);
  const said = document.createElement("p");
  said.className = "race-said";
  said.setAttribute("role", "status");
  panel.legend.after(said);
  panel.describeBy(said, "race-said");
  mountStartsChoice(panel.legend, store, { least: 2 }, signal);
  const range = new StickyRange(-2, 2);

  const isShown = () => store.view.bottom === "race";
  /** That of the Experiment on the screen. */
  const present = () => (scene.race?.of === scene.run?.experiment ? scene.race : null);

  function drawMarks() {
    if (!isShown()) return;
    // While a hand moves, the picture of before stays as a shadow: it is of another network.
    const { race } = scene;
    const isPresent = present() !== null;
    panel.element.classList.toggle("is-of-before", !isPresent);
    const curves = race ? curvesOf(race) : [];
    const finite = curves.flatMap(({ logs }) => extentOf(logs));
    range.fit(Math.min(...finite, Infinity), Math.max(...finite, -Infinity), scene.isAtRest);
    panel.setRanges(scene.timeRange, [range.low, range.high]);
    panel.drawAxes();
    writeText(said, race && isPresent ? [raceWords(race), ...(curves.length ? race.notes : [])].join(". ") : "");
    writeHidden(panel.figure, race !== null && !curves.length);
    const slopes = curves.length && isPresent ? slopesOf() : [];
    writeHidden(ofRho, !slopes.some(({ of }) => of === "rho"));
    writeHidden(ofLyapunov, !slopes.some(({ of }) => of === "lyapunov"));
    panel.draw("marks", (context) => {
      const [first] = curves;
      if (!first) return;
      // The exponents of a network that generates are of the steps that it does.
      const since = scene.run && generates(scene.run.experiment) ? (scene.run.experiment.generation.after ?? 0) : 0;
      const stroke = { colour: scene.palette.quiet, width: Math.max(1, scene.palette.line_px / 2) };
      for (const { log10_factor, dash } of slopes) {
        const [from, to] = [Math.min(since, first.logs.length - 1), first.logs.length - 1];
        const start = first.logs[from] ?? NaN;
        if (Number.isFinite(start)) paintLine(context, panel, [from, start], [to, start + log10_factor * (to - from)], { ...stroke, dash });
      }
      for (const curve of curves.toReversed()) paintCurve(context, curve);
      paintNames(context, curves);
    });
    drawCursor();
  }

  /** What ρ and the first exponent would do, each where one number says it. @returns {{of: string, log10_factor: number, dash: number[]}[]} */
  function slopesOf() {
    const { done, experiment } = scene.run ?? {};
    const rho = experiment && done?.diagnosis?.certificate && !generates(experiment) ? done.spectral_radius : null;
    const lyapunov = scene.lyapunov?.of === experiment ? scene.lyapunov?.tensors.exponents?.data[0] : undefined;
    return [
      ...(rho ? [{ of: "rho", log10_factor: Math.log10(rho), dash: [1, 4] }] : []),
      ...(lyapunov !== undefined && Number.isFinite(lyapunov) ? [{ of: "lyapunov", log10_factor: lyapunov / Math.LN10, dash: [6, 4] }] : []),
    ];
  }

  /** @param {CanvasRenderingContext2D} context @param {Curve} curve */
  function paintCurve(context, { logs, start, fate }) {
    const width = scene.palette.line_px;
    context.save();
    context.strokeStyle = fateColour(scene.palette, fate);
    context.lineWidth = width;
    context.lineJoin = "bevel";
    context.setLineDash(dashOfStart(start - 1, width));
    context.beginPath();
    const [low, high] = panel.xRange;
    for (let t = Math.max(0, Math.floor(low) - 1); t < Math.min(logs.length, high + 2); t++) if (Number.isFinite(logs[t])) context.lineTo(panel.px(t), panel.py(/** @type {number} */ (logs[t])));
    context.stroke();
    context.restore();
  }

  /** A start's number where its curve ends, moved apart where several end in one place. @param {CanvasRenderingContext2D} context @param {readonly Curve[]} curves */
  function paintNames(context, curves) {
    const { palette } = scene;
    const { y, height, x, width } = panel.area;
    const [, high] = panel.xRange;
    const ends = curves.flatMap(({ logs, start, fate }) => {
      let at = Math.min(logs.length - 1, Math.floor(high));
      while (at > 0 && !Number.isFinite(logs[at])) at--;
      return Number.isFinite(logs[at]) ? [{ start, fate, x: Math.min(panel.px(at) + 5, x + width - palette.text_px), y: panel.py(/** @type {number} */ (logs[at])) - 2 }] : [];
    });
    const places = apart(ends.map((end) => end.y), palette.text_px, y + 1.3 * palette.text_px, y + height - 2);
    ends.forEach((end, k) => paintText(context, nameOfStart(end.start), end.x, places[k] ?? end.y, palette, { align: "center", colour: fateColour(palette, end.fate) }));
  }

  function drawCursor() {
    if (!isShown()) return;
    const { t } = store.view;
    panel.setCursor(t);
    const race = present();
    const value = race ? curvesOf(race).map(({ logs }) => logs[t]).find((log) => log !== undefined) : undefined;
    writeText(panel.detail, value === undefined ? "" : `start 2: ‖hₜ − h′ₜ‖ = ${powerOfTen(value)}`);
    writeAttribute(panel.detail, "title", "the distance at the cursor of start 2 from start 1");
  }

  bindTimePanel(panel, scene, signal);
  scene.loop.addLayer("race", drawMarks, signal);
  scene.loop.addLayer("race.cursor", drawCursor, signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(present())) };
}

/** @typedef {{start: number, logs: ArrayLike<number>, fate: string | undefined, log10_factor: number, forgotten: number}} Curve  log10 of the distance at t = 0, 1, … */

/** Of every further start, from 1 on. @param {Answer} race @returns {Curve[]} */
function curvesOf({ tensors: { log10_distance: logs, fate, log10_factor, forgotten } }) {
  const [count = 0, n = 0] = logs?.shape ?? [];
  return Array.from({ length: count }, (_, k) => ({
    start: k + 1,
    logs: logs?.data.subarray(n * k, n * (k + 1)) ?? [],
    fate: FATES[fate?.data[k] ?? NaN],
    log10_factor: log10_factor?.data[k] ?? NaN,
    forgotten: forgotten?.data[k] ?? NaN,
  }));
}

/** The least and the largest of what is finite. @param {ArrayLike<number>} logs */
function extentOf(logs) {
  let [least, largest] = [Infinity, -Infinity];
  for (let k = 0; k < logs.length; k++) {
    const value = /** @type {number} */ (logs[k]);
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  return least <= largest ? [least, largest] : [];
}

/** What became of the starts: of several, how many of each kind. @param {Answer} race */
export function raceWords(race) {
  const curves = curvesOf(race);
  if (!curves.length) return race.notes[0] ?? "";
  const known = curves.filter(({ fate }) => fate !== undefined);
  if (!known.length) return "one step: nothing to follow yet";
  const groups = /** @type {const} */ ([["vanish", "zero"], ["live"], ["explode"]]).map((fates) => known.filter(({ fate }) => fates.some((each) => each === fate)));
  const [forgotten = [], remembered = [], parting = []] = groups;
  const isOne = known.length === 1;
  return [
    forgotten.length ? forgottenWords(forgotten, isOne) : "",
    remembered.length ? `${isOne ? "the start is remembered" : `${remembered.length} stay${remembered.length === 1 ? "s" : ""} apart`}: ${isOne ? endsWords(remembered) : lastWords(remembered)}` : "",
    parting.length ? partingWords(parting, isOne, isBounded(race.of.cell)) : "",
  ].filter(Boolean).join("; ");
}

/** @param {readonly Curve[]} curves @param {boolean} isOne */
function forgottenWords(curves, isOne) {
  const subject = isOne ? "the start is forgotten" : `${curves.length === 1 ? "1 is" : `${curves.length} are`} forgotten`;
  const latest = Math.max(...curves.map(({ forgotten }) => (Number.isNaN(forgotten) ? Infinity : forgotten)));
  if (curves.every(({ fate }) => fate === "zero")) return `${subject}: nothing is left of it after ${latest} step${latest === 1 ? "" : "s"}`;
  const slowest = Math.max(...curves.map(({ log10_factor }) => (Number.isNaN(log10_factor) ? -Infinity : log10_factor)));
  return `${subject}: ×${factorText(slowest)} per step${latest < Infinity ? `, 10⁻⁶ of it from t = ${latest}` : ""}`;
}

/** @param {readonly Curve[]} curves @param {boolean} isOne @param {boolean} bounded */
function partingWords(curves, isOne, bounded) {
  const subject = isOne ? "they part" : `${curves.length} part${curves.length === 1 ? "s" : ""}`;
  if (bounded) return `${subject}: ${isOne ? endsWords(curves) : `${rangeWords(curves.map(({ logs }) => logs[0] ?? NaN))} apart at t = 0, ${rangeWords(curves.map(({ logs }) => lastOf(logs)))} in the end`}`;
  return `${subject}: ×${factorText(Math.max(...curves.map(({ log10_factor }) => log10_factor)))} per step`;
}

/** @param {ArrayLike<number>} logs */
const lastOf = (logs) => /** @type {number} */ (logs[logs.length - 1]);

/** @param {readonly Curve[]} curves */
function endsWords([curve]) {
  return curve ? `${powerOfTen(curve.logs[0] ?? NaN)} apart at t = 0, ${powerOfTen(lastOf(curve.logs))} at t = ${curve.logs.length - 1}` : "";
}

/** @param {readonly Curve[]} curves */
function lastWords(curves) {
  return `${rangeWords(curves.map(({ logs }) => lastOf(logs)))} apart in the end`;
}

/** @param {readonly number[]} logs */
function rangeWords(logs) {
  const [low, high] = [powerOfTen(Math.min(...logs)), powerOfTen(Math.max(...logs))];
  return low === high ? low : `${low} to ${high}`;
}

/** @param {Answer | null} race @returns {object[]} */
function hoverTraces(race) {
  return (race ? curvesOf(race) : []).map(({ logs, start }) => {
    const y = Array.from(logs, (value) => (Number.isFinite(value) ? value : null));
    return { type: "scatter", mode: "lines", x: y.map((_, t) => t), y, text: Array.from(logs, (value) => powerOfTen(value)), opacity: 0, hovertemplate: `<b>start ${nameOfStart(start)}</b> from start 1, t = %{x:d}<br>‖h<sub>t</sub> − h′<sub>t</sub>‖ = %{text}<extra></extra>` };
  });
}
