/**
 * Lyapunov exponents of the trajectory that is shown, with error bars, beside ln |λ| of W_hh and the
 * measured rate of the gradient: the same slope seen from both ends of time.
 */
import { factorText, plain } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { fateColour } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { roundUp } from "../render/scale.js";
import { textWidth } from "../render/stamps.js";
import { writeAttribute, writeHidden, writeProperty, writeText } from "../render/write.js";
import { generates } from "../state/forms.js";
import { placeTitle } from "../ui/places.js";

/** @typedef {import("../render/scene.js").Answer} Answer */
/** @typedef {import("../net/run.js").Run} Run */

/** What zero means, as long as there is room for it. */
const ZERO = Object.freeze(["0: neither grows nor dies", "0: lives", "0"]);

/** An exponent counts as 0 within this, or two of its standard errors where they are larger. */
const ABOUT_ZERO = 0.002;

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("side"), margins: { left: 4.2, right: 1, top: 0.6, bottom: 6.2 },
    xaxis: { title: { text: "i, the largest first", standoff: 2 } }, yaxis: { nticks: 6 }, integers: { x: 8 },
  }, signal);
  panel.legend.innerHTML = `<span title="Lyapunov exponents of this run, natural logarithm per step; the bars are one standard error to either side"><i class="mark mark-full"></i>Λ<sub>i</sub></span><span class="of-moduli"><i class="mark mark-ring"></i>ln|λ<sub>i</sub>|</span>`;
  const ofModuli = /** @type {HTMLElement} */ (panel.legend.querySelector(".of-moduli"));
  const said = document.createElement("p");
  said.className = "panel-said";
  said.setAttribute("role", "status");
  said.innerHTML = `<span></span><br><span></span>`;
  const [first, second] = /** @type {[HTMLElement, HTMLElement]} */ ([...said.querySelectorAll("span")]);
  panel.body.append(said);
  panel.describeBy(said, "lyapunov-said");

  const isShown = () => store.view.side === "lyapunov";

  function drawMarks() {
    if (!isShown()) return;
    const { run } = scene;
    const found = scene.lyapunov;
    // While a hand moves, the picture of before stays as a shadow: it is of another network.
    const isPresent = found !== null && found.of === run?.experiment;
    panel.element.classList.toggle("is-of-before", !isPresent);
    const [exponents, errors, moduli] = found ? valuesOf(found) : [[], [], []];
    const rate = run && isPresent ? gradientRate(run) : null;
    writeText(first, isPresent ? exponentWords(found) : "");
    writeText(second, isPresent && exponents.length ? besideWords(rate, moduli[0]) : "");
    writeAttribute(said, "title", isPresent ? titleOf(found) : "");
    writeHidden(ofModuli, !moduli.length);
    writeHidden(panel.figure, found !== null && !exponents.length);
    writeAttribute(ofModuli, "title", run && generates(run.experiment) ? "the eigenvalues of W_hh + W_xh W_hy, which act while the network generates" : "the eigenvalues of W_hh; of a linear network they are the exponents");
    for (const mark of panel.legend.querySelectorAll(".mark-full")) writeProperty(/** @type {HTMLElement} */ (mark), "--swatch", fateColour(scene.palette, fateOf(exponents[0] ?? 0, errors[0] ?? 0)));
    panel.setRanges([0.4, Math.max(exponents.length, 1) + 0.6], rangeOf([...exponents, ...moduli, ...(rate === null ? [] : [rate])]));
    panel.drawAxes();
    panel.draw("marks", (context, area) => {
      if (!exponents.length) return;
      paintZero(context, area, [...exponents, ...moduli], rate);
      if (rate !== null && run) paintRate(context, area, rate, run);
      paintModuli(context, moduli);
      paintExponents(context, area, exponents, errors);
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {readonly number[]} marks that stand over it @param {number | null} rate */
  function paintZero(context, { x, width }, marks, rate) {
    const { palette } = scene;
    paintLine(context, panel, [panel.xRange[0], 0], [panel.xRange[1], 0], { colour: palette.ink, width: 1 });
    const isOver = (/** @type {number} */ value) => value > 0 && panel.py(0) - panel.py(value) < 1.5 * palette.text_px;
    if (rate !== null && isOver(rate)) return;
    const count = panel.xRange[1] - 0.6;
    const last = marks.reduce((most, value, k) => (isOver(value) ? Math.max(most, (k % count) + 1) : most), 0);
    const room = x + width - 4 - (last ? panel.px(last + 0.6) : x);
    const text = ZERO.find((words) => textWidth(`${palette.text_px}px ${palette.font}`, words) < room);
    if (text) paintText(context, text, x + width - 4, panel.py(0) - 2, palette, { align: "right" });
  }

  /** The rate at which the gradient was measured to change, from the other end of time. @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {number} rate @param {Run} run */
  function paintRate(context, { x, width, y, height }, rate, run) {
    const { palette } = scene;
    const colour = fateColour(palette, run.done?.diagnosis?.gradients.fate);
    paintLine(context, panel, [panel.xRange[0], rate], [panel.xRange[1], rate], { colour, width: Math.max(1.25, palette.line_px * 0.6), dash: [6, 4] });
    const at = panel.py(rate);
    // Where zero's own word stands this one goes to the other side of its line.
    const isBelow = rate <= 0 && at + palette.text_px + 4 < y + height;
    paintText(context, "gradient", x + width - 4, isBelow ? at + palette.text_px + 4 : Math.max(at - 2, y + palette.text_px), palette, { align: "right", colour });
  }

  /** @param {CanvasRenderingContext2D} context @param {readonly number[]} moduli */
  function paintModuli(context, moduli) {
    context.strokeStyle = scene.palette.ink;
    context.lineWidth = Math.max(1.25, scene.palette.line_px * 0.5);
    context.beginPath();
    moduli.forEach((modulus, k) => {
      if (!Number.isFinite(modulus)) return;
      const [x, y, size] = [panel.px(k + 1), panel.py(modulus), 5.5 * (scene.palette.line_px / 2.25)];
      context.moveTo(x + size, y);
      context.arc(x, y, size, 0, 2 * Math.PI);
    });
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {readonly number[]} exponents @param {readonly number[]} errors */
  function paintExponents(context, { y, height }, exponents, errors) {
    const { palette } = scene;
    const size = 3.2 * (palette.line_px / 2.25);
    exponents.forEach((exponent, k) => {
      const error = errors[k] ?? Infinity;
      const x = panel.px(k + 1);
      context.fillStyle = context.strokeStyle = fateColour(palette, fateOf(exponent, error));
      context.lineWidth = Math.max(1.25, palette.line_px * 0.6);
      context.beginPath();
      // Lost altogether: further down than any axis.
      if (exponent === -Infinity) {
        const bottom = y + height - 2;
        context.moveTo(x, bottom);
        context.lineTo(x - size * 1.3, bottom - size * 2);
        context.lineTo(x + size * 1.3, bottom - size * 2);
        return context.fill();
      }
      context.arc(x, panel.py(exponent), size, 0, 2 * Math.PI);
      context.fill();
      if (!Number.isFinite(error)) return;
      context.beginPath();
      for (const end of [exponent - error, exponent + error]) {
        context.moveTo(x, panel.py(exponent));
        context.lineTo(x, panel.py(end));
        context.moveTo(x - size, panel.py(end));
        context.lineTo(x + size, panel.py(end));
      }
      if (Math.abs(panel.py(error) - panel.py(0)) > size) context.stroke();
    });
  }

  scene.loop.addLayer("lyapunov", drawMarks, signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(scene.lyapunov)) };
}

/** Exponents, their standard errors, and ln |λ|. @param {Answer} found @returns {[number[], number[], number[]]} */
function valuesOf({ tensors: { exponents, standard_errors, ln_moduli } }) {
  const numbers = (/** @type {import("../net/tensors.js").Tensor | undefined} */ tensor) => (tensor ? Array.from(tensor.data) : []);
  return [numbers(exponents), numbers(standard_errors), numbers(ln_moduli)];
}

/** With zero in it, and some room. @param {readonly number[]} values @returns {[number, number]} */
function rangeOf(values) {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  const unit = roundUp(Math.max(high - low, 0.02) / 8);
  return [Math.floor(low / unit - 0.6) * unit, Math.ceil(high / unit + 1) * unit];
}

/** @param {number} exponent @param {number} error */
function fateOf(exponent, error) {
  if (Math.abs(exponent) <= Math.max(ABOUT_ZERO, Number.isFinite(error) ? 2 * error : 0)) return "live";
  return exponent > 0 ? "explode" : "vanish";
}

/** ln of the gradient's measured factor per step back; null where the run is not one way of a single matrix. @param {Run} run */
function gradientRate({ done, experiment }) {
  const log10_factor = done?.diagnosis?.gradients.log10_factor;
  if (typeof log10_factor !== "number" || experiment.loss.at !== "last" || generates(experiment) || experiment.cell.kind === "attention") return null;
  return log10_factor * Math.LN10;
}

/** What the first exponent says. @param {Answer} found */
export function exponentWords(found) {
  const [[leading], [error = Infinity]] = valuesOf(found);
  if (leading === undefined) return found.notes[0] ?? "";
  if (leading === -Infinity) return "Λ₁ = −∞: every difference is lost";
  const bars = error === 0 ? "" : Number.isFinite(error) ? ` ± ${plain(error, 1)}` : " ± ?";
  const fate = fateOf(leading, error);
  const does = fate === "live" ? "nearby starts keep their distance" : fate === "explode" ? "nearby starts part" : "nearby starts meet";
  return `Λ₁ = ${rate3(leading)}${bars}: ${does}`;
}

/** A rate, in which rounding is 0. @param {number} rate */
const rate3 = (rate) => plain(Math.abs(rate) < 1e-6 ? 0 : rate, 3);

/** What stands beside it. @param {number | null} rate @param {number | undefined} modulus */
export function besideWords(rate, modulus) {
  const parts = [rate === null ? "" : `gradient ${rate3(rate)}`, modulus === undefined ? "" : `ln ρ = ${rate3(modulus)}`];
  return parts.filter(Boolean).join("; ");
}

/** @param {Answer} found */
function titleOf({ tensors: { exponents, steps, dimension, entropy_rate }, notes }) {
  const [left = 0, measured = 0] = steps ? Array.from(steps.data) : [];
  const [D = NaN, S = NaN] = [dimension?.data[0], entropy_rate?.data[0]];
  return [
    Number.isFinite(exponents?.data[0]) ? `e^Λ₁ = ${factorText((exponents?.data[0] ?? NaN) / Math.LN10)} per step.` : "",
    "Λ₁, the gradient's rate (a step back) and ln ρ are natural logarithms per step.",
    measured ? `Measured over ${measured} steps, after ${left} that are left out.` : "",
    Number.isNaN(D) ? "" : `Kaplan–Yorke dimension ${plain(D, 3)}.`,
    Number.isNaN(S) ? "" : `Sum of the positive exponents ${plain(S, 3)} nats per step.`,
    ...notes,
  ].filter(Boolean).join(" ");
}

/** @param {Answer | null} found @returns {object[]} */
function hoverTraces(found) {
  if (!found) return [];
  const [exponents, errors, moduli] = valuesOf(found);
  const trace = (/** @type {readonly number[]} */ values, /** @type {string[]} */ text) => ({ type: "scatter", mode: "markers", x: values.map((_, k) => k + 1), y: values.map((value) => (Number.isFinite(value) ? value : null)), text, opacity: 0, marker: { size: 12 }, hovertemplate: "%{text}<extra></extra>" });
  return [
    trace(moduli, moduli.map((value, k) => `ln|λ<sub>${k + 1}</sub>| = ${plain(value, 4)}`)),
    trace(exponents, exponents.map((value, k) => `Λ<sub>${k + 1}</sub> = ${plain(value, 4)}${Number.isFinite(errors[k]) ? ` ± ${plain(errors[k] ?? NaN, 2)}` : ""}`)),
  ];
}
