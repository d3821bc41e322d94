/**
 * The time line is the unrolled network. Above, the whole run as a ribbon under the panels' own
 * time axis; below, the cells around the cursor, x_t → cell → h_t, and the outputs and losses that
 * the form of the network has. Ribbon and backward arrows are as strong as the gradient that
 * survives there.
 */
import { onRatio, pixelRatio } from "../render/ratio.js";
import { powerOfTen } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { textWidth } from "../render/stamps.js";
import { strengthOf } from "../render/strength.js";
import { paintArrow, paintSymbol } from "../render/symbols.js";
import { andToken, fitting } from "../render/token_text.js";
import { writeAttribute } from "../render/write.js";
import { generates } from "../state/forms.js";
import { hasModifier } from "../ui/keyboard.js";
import { TIME_MARGINS } from "./time_axis.js";

/** @typedef {import("../net/run.js").Run} Run */

/** In em of the pictures' text, like the panels' margins. */
const RIBBON = Object.freeze({ middle: 1.1, thickest: 1.4 });
const CELL = Object.freeze({ spacing: 6.6, least: 4.8, width: 3.1, height: 2.5 });
/** Less room than that below the ribbon holds no cells: then it stands alone. */
const LEAST_CELLS = 6;

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  element.classList.add("timeline");
  element.innerHTML = `<canvas tabindex="0" role="slider" aria-label="time step t"></canvas>`;
  const canvas = /** @type {HTMLCanvasElement} */ (element.firstElementChild);
  let width = 0;
  let height = 0;
  const measure = () => {
    ({ width, height } = element.getBoundingClientRect());
    const ratio = pixelRatio();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    scene.loop.mark("timeline");
  };
  const observer = new ResizeObserver(measure);
  onRatio(measure, signal);
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });

  const em = (/** @type {number} */ count) => count * scene.palette.text_px;
  const left = () => em(TIME_MARGINS.left);
  const plotWidth = () => Math.max(width - left() - em(TIME_MARGINS.right), 1);
  const ribbonEnd = () => em(2 * RIBBON.middle);
  /** @param {number} t */
  const px = (t) => {
    const [low, high] = scene.timeRange;
    return left() + ((t - low) / (high - low)) * plotWidth();
  };
  /** @param {number} x */
  const stepAt = (x) => {
    const [low, high] = scene.timeRange;
    return Math.round(Math.min(Math.max(low + ((x - left()) / plotWidth()) * (high - low), low + 0.5), high - 0.5));
  };
  const laneY = () => Math.round(ribbonEnd() + (height - ribbonEnd()) * 0.47);

  function draw() {
    const context = canvas.getContext("2d");
    const { run } = scene;
    if (!context) return;
    const ratio = pixelRatio();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { t } = store.view;
    const T = scene.steps;
    writeAttribute(canvas, "aria-valuemin", "1");
    writeAttribute(canvas, "aria-valuemax", String(T));
    writeAttribute(canvas, "aria-valuenow", String(t));
    const survival = run ? survivalAt(run, t) : NaN;
    writeAttribute(canvas, "aria-valuetext", `t = ${t} of ${T}${andToken(run?.tokenAt(t - 1) ?? null)}${Number.isNaN(survival) ? "" : `, ${powerOfTen(survival)} of the last gradient arrives here`}`);
    if (run) paintRibbon(context, run);
    if (height - ribbonEnd() >= em(LEAST_CELLS)) paintCells(context, run, t, T);
    else paintPlace(context, Math.min(Math.max(px(t), left()), left() + plotWidth()));
  }

  /** @param {CanvasRenderingContext2D} context @param {Run} run */
  function paintRibbon(context, run) {
    context.save();
    context.beginPath();
    context.rect(left(), 0, plotWidth(), ribbonEnd());
    context.clip();
    const { high: logs } = run.series("log10_grad_h");
    const last = lastGradient(run);
    let to = px(run.stepOf(run.gradientsStart) + 0.5);
    for (let column = run.gradientsStart; column < run.columns; column++) {
      const from = to;
      to = px(run.stepOf(column + 1) + 0.5);
      const { thickness, colour, alpha } = strengthOf(/** @type {number} */ (logs[column]) - last, scene.palette);
      context.fillStyle = colour;
      context.globalAlpha = alpha;
      const high = Math.max(1, thickness * em(RIBBON.thickest));
      context.fillRect(from, em(RIBBON.middle) - high / 2, to - from + 0.5, high);
    }
    context.restore();
    paintText(context, "∂L/∂h", left() - 6, em(RIBBON.middle + 0.6), scene.palette, { align: "right" });
  }

  /** @param {CanvasRenderingContext2D} context @param {Run | null} run @param {number} t @param {number} T */
  function paintCells(context, run, t, T) {
    const centre = Math.min(Math.max(px(t), left()), left() + plotWidth());
    const { first, last, xOf, spacing } = lens(t, T, width);
    paintCone(context, centre, xOf(first) - spacing / 2, xOf(last) + spacing / 2, first, last);
    for (let step = first; step <= last; step++) paintCell(context, run, step, xOf(step), step === t, T);
  }

  /**
   * The cells that fit, with the cursor's as near the middle as the ends allow. Where all steps of
   * the time axis fit, each cell stands under its own place on it.
   * @param {number} t @param {number} T @param {number} room
   */
  function lens(t, T, room) {
    const [t0, t1] = scene.span;
    const perStep = plotWidth() / (t1 - t0);
    if (perStep >= em(CELL.least)) return { first: t0 + 1, last: t1, xOf: px, spacing: perStep };
    const spacing = em(CELL.spacing);
    const count = Math.max(1, Math.min(T, Math.floor(room / spacing)));
    const first = Math.min(Math.max(t - Math.floor(count / 2), 1), T - count + 1);
    const start = (room - (count - 1) * spacing) / 2;
    return { first, last: first + count - 1, xOf: (/** @type {number} */ step) => start + (step - first) * spacing, spacing };
  }

  /** From the cursor on the ribbon down to the cells it enlarges. @param {CanvasRenderingContext2D} context @param {number} x @param {number} lensLeft @param {number} lensRight @param {number} first @param {number} last */
  function paintCone(context, x, lensLeft, lensRight, first, last) {
    const { palette } = scene;
    const top = em(RIBBON.middle + RIBBON.thickest / 2) + 2;
    const bottom = laneY() - em(CELL.height / 2 + 1.2);
    const inside = (/** @type {number} */ place) => Math.min(Math.max(place, left()), left() + plotWidth());
    const [from, to] = [inside(px(first - 0.5)), inside(px(last + 0.5))];
    context.globalAlpha = 0.06;
    context.fillStyle = palette.ink;
    context.beginPath();
    context.moveTo(from, top);
    context.lineTo(to, top);
    context.lineTo(lensRight, bottom);
    context.lineTo(lensRight, height);
    context.lineTo(lensLeft, height);
    context.lineTo(lensLeft, bottom);
    context.fill();
    context.globalAlpha = 1;
    paintPlace(context, x);
  }

  /** Where the cursor is on the ribbon. @param {CanvasRenderingContext2D} context @param {number} x */
  function paintPlace(context, x) {
    context.fillStyle = scene.palette.ink;
    context.fillRect(x - 1, 1, 2, ribbonEnd() - 4);
    context.beginPath();
    context.moveTo(x - 5, ribbonEnd() + 1);
    context.lineTo(x + 5, ribbonEnd() + 1);
    context.lineTo(x, ribbonEnd() - 6);
    context.fill();
  }

  /** @param {CanvasRenderingContext2D} context @param {Run | null} run @param {number} step @param {number} x @param {boolean} isCurrent @param {number} T */
  function paintCell(context, run, step, x, isCurrent, T) {
    const { palette } = scene;
    const y = laneY();
    const { spacing } = lens(store.view.t, T, width);
    const half = em(CELL.width / 2);
    const tall = em(CELL.height);
    const gapStart = x - spacing + half;
    const gapEnd = x - half;
    // Forward, on top: h_{t-1} goes into the cell.
    arrow(context, gapStart, gapEnd, y - em(0.6), 1.25, palette.ink);
    label(context, "h", step - 1, (gapStart + gapEnd) / 2, y - em(1), palette.quiet);
    // Backward, below: the gradient that reaches h_{t-1} from here.
    const survived = run ? survivalAt(run, step === 1 ? 1 : step - 1) : NaN;
    const { thickness, colour, alpha } = strengthOf(survived, palette);
    context.globalAlpha = alpha;
    arrow(context, gapEnd, gapStart, y + em(0.6), Math.max(1, thickness * em(1)), colour);
    context.globalAlpha = 1;
    // x_t from below.
    arrow(context, y + tall / 2 + em(1.1), y + tall / 2, x, 1.25, palette.quiet, true);
    const token = run?.tokenAt(step - 1) ?? null;
    if (token === null) label(context, "x", step, x, y + tall / 2 + em(1.3) + palette.text_px, palette.quiet);
    else {
      // The token is what goes in; the symbol stands beside its arrow.
      label(context, "x", step, x - em(1.1), y + tall / 2 + em(0.95), palette.quiet);
      paintText(context, tokenFitting(token, spacing - em(0.4)), x, y + tall / 2 + em(1.45) + palette.text_px, palette, { align: "center", colour: palette.ink });
    }
    context.fillStyle = isCurrent ? palette.ink : palette.ground;
    context.strokeStyle = palette.ink;
    context.lineWidth = 1.25;
    context.beginPath();
    context.roundRect(x - half, y - tall / 2, 2 * half, tall, 5);
    context.fill();
    context.stroke();
    label(context, "h", step, x, y + palette.text_px / 2, isCurrent ? palette.ground : palette.ink);
    paintOutput(context, run?.experiment ?? store.experiment, step, x, y - tall / 2, T);
  }

  /** @param {string} token @param {number} room in px */
  function tokenFitting(token, room) {
    const { font, text_px } = scene.palette;
    return fitting(token, (text) => textWidth(`${text_px}px ${font}`, text) <= room);
  }

  /**
   * What leaves a cell upwards: its output where something is made of it, its loss, and the way of
   * what is fed back.
   * @param {CanvasRenderingContext2D} context @param {import("../state/experiment.js").Experiment} experiment
   * @param {number} step @param {number} x @param {number} top of the cell @param {number} T
   */
  function paintOutput(context, experiment, step, x, top, T) {
    const { palette } = scene;
    const { at, kind } = experiment.loss;
    const hasLoss = step === T || at === "every";
    const isFedBack = generates(experiment) && step >= (experiment.generation.after ?? T) && step < T;
    // cᵀh is a loss of the state itself: it needs no output.
    const isOfState = kind === "linear";
    if (!isFedBack && !hasLoss) return;
    const tip = top - em(0.85);
    if (isFedBack || !isOfState) {
      arrow(context, top, tip, x, 1.25, palette.quiet, true);
      label(context, "y", step, x, tip - 3, palette.ink);
    }
    if (isFedBack) paintFeedback(context, x + em(0.9), tip - em(0.45), step);
    if (!hasLoss) return;
    if (isOfState) label(context, "L", null, x + em(CELL.width / 2) + 6, top + 2, palette.ink);
    else {
      arrow(context, x - em(0.9), x - em(1.7), tip - em(0.4), 1.25, palette.quiet);
      label(context, "L", null, x - em(2.15), tip - 3, palette.ink);
    }
  }

  /** From y_t over and down to where x_{t+1} goes in. @param {CanvasRenderingContext2D} context @param {number} from @param {number} across @param {number} step */
  function paintFeedback(context, from, across, step) {
    const { palette } = scene;
    const { xOf, spacing } = lens(store.view.t, scene.steps, width);
    const next = xOf(step) + spacing;
    const down = xOf(step) + em(CELL.width / 2 + 0.5);
    const bottom = laneY() + em(CELL.height / 2 + 1.95);
    const token = scene.run?.tokenAt(step) ?? null;
    const half = token === null ? em(0.8) : textWidth(`${palette.text_px}px ${palette.font}`, tokenFitting(token, spacing - em(0.4))) / 2 + 4;
    const end = Math.max(next - half, down + em(0.4));
    context.save();
    context.strokeStyle = palette.ink;
    context.lineWidth = Math.max(1.25, palette.line_px * 0.6);
    context.setLineDash([5, 3]);
    context.beginPath();
    context.moveTo(from, across);
    context.lineTo(down, across);
    context.lineTo(down, bottom);
    context.lineTo(end - em(0.15), bottom);
    context.stroke();
    context.restore();
    arrow(context, end - em(0.3), end, bottom, 1.25, palette.ink);
  }

  const arrow = paintArrow;
  /** @param {CanvasRenderingContext2D} context @param {string} symbol @param {number | null} index @param {number} x @param {number} y @param {string} colour */
  const label = (context, symbol, index, x, y, colour) => paintSymbol(context, scene.palette, symbol, index, x, y, colour);

  bindPointer();
  canvas.addEventListener("keydown", (event) => {
    if (hasModifier(event)) return;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    const t = step ? store.view.t + step * (event.shiftKey ? 10 : 1) : event.key === "Home" ? 1 : event.key === "End" ? store.experiment.steps : null;
    if (t === null) return;
    event.preventDefault();
    event.stopPropagation();
    store.look({ t, isPlaying: false });
  }, { signal });

  function bindPointer() {
    /** @type {{isRibbon: boolean, x: number, t: number} | null} */
    let grip = null;
    canvas.addEventListener("pointerdown", (event) => {
      const isRibbon = event.offsetY < ribbonEnd() + 4;
      canvas.setPointerCapture(event.pointerId);
      grip = { isRibbon, x: event.offsetX, t: store.view.t };
      if (isRibbon) store.look({ t: stepAt(event.offsetX), isPlaying: false });
    }, { signal });
    canvas.addEventListener("pointermove", (event) => {
      if (!grip) return;
      if (grip.isRibbon) store.look({ t: stepAt(event.offsetX) });
      else store.look({ t: grip.t - Math.round((event.offsetX - grip.x) / lens(store.view.t, scene.steps, width).spacing), isPlaying: false });
    }, { signal });
    canvas.addEventListener("pointerup", (event) => {
      if (grip && !grip.isRibbon && Math.abs(event.offsetX - grip.x) < 4) {
        const { first, last, xOf, spacing } = lens(store.view.t, scene.steps, width);
        const step = first + Math.round((event.offsetX - xOf(first)) / spacing);
        if (step >= first && step <= last) store.look({ t: step, isPlaying: false });
      }
      grip = null;
    }, { signal });
    canvas.addEventListener("pointercancel", () => (grip = null), { signal });
  }

  scene.loop.addLayer("timeline", draw, signal);
  return { panel: null, rest: () => undefined };
}

/**
 * Decades between the gradient at a step (1…T) and the last one: what survives of it there. NaN
 * where the last one is zero or not known.
 * @param {Run} run @param {number} t
 */
export function survivalAt(run, t) {
  return run.valueAt("log10_grad_h", t - 1) - lastGradient(run);
}

/** log10 ‖∂L/∂h_T‖. @param {Run} run */
function lastGradient(run) {
  const verdict = run.done?.diagnosis?.gradients;
  // The verdict has it to the step; of a batch it is a mean, while the panels show one sequence.
  if (verdict?.start_after === 0 && run.experiment.batch_size === 1) return verdict.log10_start ?? NaN;
  const last = run.valueAt("log10_grad_h", run.T - 1);
  return last === -Infinity ? NaN : last;
}
