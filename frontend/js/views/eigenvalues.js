/**
 * The eigenvalues of W_hh in the complex plane, with the unit circle and the circle of radius ρ; each
 * can be moved. Of a network that generates also those of W_hh + W_xh W_hy, which then are in force.
 */
import { plain } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { PlotPanel } from "../render/panel.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { cellInfo } from "../state/cells.js";
import { placeTitle } from "../ui/places.js";
import { bindEigenvalueHand } from "../ui/eigenvalue_hand.js";
import { mountEigenvalueEditor } from "../ui/eigenvalue_editor.js";

/** @typedef {import("../net/run.js").Run} Run */

/** Half-widths of the plane; the first that holds everything is taken. */
const REACHES = Object.freeze([1.3, 1.7, 2.3, 3.5, 6]);
/** |λ| this close to 1 counts as on the circle. */
const ON_CIRCLE = 0.005;
/** A handle's ring grows by so many pixels for each decade of κ: a stiff one looks stiff. */
const PX_PER_DECADE = 3;

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("side"), margins: { left: 4, right: 1, top: 0.4, bottom: 1.9 }, isSquare: true, hasOverlay: true,
    // Where ρ is huge its ticks are 2e+14, which fit.
    xaxis: { nticks: 5, exponentformat: "e" },
    yaxis: { nticks: 5, exponentformat: "e" },
  }, signal);
  panel.legend.innerHTML = `<span class="spectrum-numbers"><span title="spectral radius, the largest |λ|">ρ <output></output></span> <span class="of-fed" title="largest singular value">σ<sub>max</sub> <output></output></span><span class="of-generating" title="◇ spectral radius of W_hh + W_xh W_hy, which is in force while the network generates and its loop is closed: y_t comes back as x_{t+1}">◇ closed <output></output></span><span class="of-jacobian"></span></span> <button type="button" class="jacobian" aria-pressed="false" title="the eigenvalues of J_t = ∂h_t/∂h_{t−1} at the cursor: what one step really multiplies by, φ′ included">J<sub>t</sub></button>`;
  const numbers = /** @type {HTMLElement} */ (panel.legend.querySelector(".spectrum-numbers"));
  const [radius, sigma, closedRadius] = [...panel.legend.querySelectorAll("output")];
  const ofFed = /** @type {HTMLElement} */ (panel.legend.querySelector(".of-fed"));
  const ofJacobian = /** @type {HTMLElement} */ (panel.legend.querySelector(".of-jacobian"));
  const jacobianButton = /** @type {HTMLButtonElement} */ (panel.legend.querySelector("button.jacobian"));
  jacobianButton.addEventListener("click", () => {
    store.look({ hasJacobian: !store.view.hasJacobian });
    scene.loop.mark("eigenvalues");
  }, { signal });
  const ofGenerating = /** @type {HTMLElement} */ (panel.legend.querySelector(".of-generating"));
  const hand = bindEigenvalueHand(panel, scene, { enter: () => editor.take() }, signal);
  const editor = mountEigenvalueEditor(panel, scene, hand, signal);
  let reach = REACHES[0] ?? 1;

  function drawMarks() {
    const { run, held } = scene;
    const eigenvalues = run?.standing.spectrum.eigenvalues?.data;
    if (!run || !eigenvalues) return;
    const closed = run.closedLoop?.data;
    const largest = Math.max(largestModulus(eigenvalues), largestModulus(closed), largestModulus(held?.run.standing.spectrum.eigenvalues?.data));
    const fitting = REACHES.find((each) => each >= largest * 1.06) ?? largest * 1.1;
    // While an eigenvalue is in the hand the plane stays still under it.
    if (!hand.isDragging()) reach = scene.isAtRest ? fitting : Math.max(reach, fitting);
    panel.setRanges([-reach, reach], [-reach, reach]);
    panel.drawAxes();
    panel.draw("marks", (context) => {
      paintCircles(context, largestModulus(eigenvalues));
      if (held?.run.standing.spectrum.eigenvalues) paintPoints(context, held.run.standing.spectrum.eigenvalues.data, true);
      paintPoints(context, eigenvalues, false);
      if (closed) paintClosedLoop(context, closed);
      const { jacobian: shown } = scene;
      if (store.view.hasJacobian && shown?.eigenvalues && shown.of === run.experiment) paintCrosses(context, shown.eigenvalues);
    });
    writeAttribute(jacobianButton, "aria-pressed", String(store.view.hasJacobian));
    const jacobian = store.view.hasJacobian && scene.jacobian?.of === run.experiment ? scene.jacobian : null;
    writeHidden(ofJacobian, !store.view.hasJacobian);
    writeText(ofJacobian, jacobian ? jacobianWords(jacobian) : "");
    writeAttribute(ofJacobian, "title", jacobian?.problem || "✕ spectral radius of J_t at the cursor, of all layers and of the loop that is closed there, and the mean of what the units multiply by");
    writeHidden(ofFed, closed !== undefined || store.view.hasJacobian);
    // There is room for one of the two: what acts at the cursor says more.
    writeHidden(ofGenerating, closed === undefined || store.view.hasJacobian);
    writeText(closedRadius, plain(largestModulus(closed), 4));
    ofGenerating.dataset.fate = closed ? fateOf(largestModulus(closed)) : "live";
    const { candidate } = cellInfo(run.experiment.cell);
    const [of, layer] = [candidate === "hh" ? "" : `of W_${candidate}`, run.experiment.cell.layers > 1 ? "layer 1" : ""];
    writeText(panel.detail, [of, layer].filter(Boolean).join(", "));
    writeText(radius, plain(largestModulus(eigenvalues), 4));
    writeText(sigma, plain(run.standing.spectrum.singular_values?.data[0] ?? NaN));
    drawHand();
  }

  /** The eigenvalue in hand, its conjugate, and where the hand itself is. */
  function drawHand() {
    const chosen = hand.chosen();
    writeHidden(numbers, chosen !== null);
    editor.show();
    if (panel.overlay) writeHidden(panel.overlay, !chosen);
    if (!chosen) return;
    const { palette } = scene;
    panel.draw("overlay", (context) => {
      const kappa = hand.condition(chosen);
      const ring = 7 + (kappa === null ? 0 : PX_PER_DECADE * Math.min(Math.log10(kappa), 4));
      context.strokeStyle = palette.ink;
      const [re, im] = chosen;
      for (const y of im === 0 ? [0] : [im, -im]) {
        context.lineWidth = y === im ? 2 : 1;
        context.beginPath();
        context.arc(panel.px(re), panel.py(y), ring, 0, 2 * Math.PI);
        context.stroke();
      }
      const place = hand.place();
      if (place && Math.hypot(panel.px(place[0]) - panel.px(re), panel.py(place[1]) - panel.py(im)) > 3) {
        context.setLineDash([3, 3]);
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(panel.px(re), panel.py(im));
        context.lineTo(panel.px(place[0]), panel.py(place[1]));
        context.stroke();
        context.setLineDash([]);
      }
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {number} rho */
  function paintCircles(context, rho) {
    const { palette } = scene;
    const [cx, cy, unit] = [panel.px(0), panel.py(0), panel.px(1) - panel.px(0)];
    context.beginPath();
    context.arc(cx, cy, unit, 0, 2 * Math.PI);
    context.fillStyle = palette.quiet;
    context.globalAlpha = 0.07;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = palette.ink;
    context.lineWidth = Math.max(1.25, palette.line_px / 2);
    context.stroke();
    if (Number.isFinite(rho) && rho > 0) {
      context.beginPath();
      context.arc(cx, cy, rho * unit, 0, 2 * Math.PI);
      context.setLineDash([5, 4]);
      context.strokeStyle = modulusColour(rho);
      context.stroke();
      context.setLineDash([]);
    }
    const { x, y, width, height } = panel.area;
    paintText(context, "Re λ", x + width - 3, cy - 2, palette, { align: "right" });
    paintText(context, "Im λ", cx + 4, y + palette.text_px + 3, palette);
    paintText(context, "|λ| = 1", x + 3, y + height - 2, palette);
  }

  /** @param {CanvasRenderingContext2D} context @param {Float32Array | Float64Array} eigenvalues @param {boolean} isHeld */
  function paintPoints(context, eigenvalues, isHeld) {
    const { palette } = scene;
    const size = Math.max(2.5, Math.min(4.5, 60 / Math.sqrt(eigenvalues.length))) * (palette.line_px / 2.25);
    // One path for all points of a colour: the browser strokes few long paths faster than many short ones.
    /** @type {Map<string, Path2D>} */
    const paths = new Map();
    for (let k = 0; k < eigenvalues.length; k += 2) {
      const [re, im] = [/** @type {number} */ (eigenvalues[k]), /** @type {number} */ (eigenvalues[k + 1])];
      const colour = isHeld ? palette.quiet : modulusColour(Math.hypot(re, im));
      const path = paths.get(colour) ?? new Path2D();
      paths.set(colour, path);
      const [x, y] = [panel.px(re), panel.py(im)];
      path.moveTo(x + size, y);
      path.arc(x, y, size, 0, 2 * Math.PI);
    }
    context.save();
    context.lineWidth = isHeld ? 1 : 0.75;
    context.strokeStyle = isHeld ? palette.quiet : palette.ground;
    if (isHeld) context.globalAlpha = 0.6;
    for (const [colour, path] of paths) {
      context.fillStyle = colour;
      if (!isHeld) context.fill(path);
      context.stroke(path);
    }
    context.restore();
  }

  /** Hollow diamonds: where the eigenvalues lie while the network generates. @param {CanvasRenderingContext2D} context @param {Float32Array | Float64Array} eigenvalues */
  function paintClosedLoop(context, eigenvalues) {
    const size = 4.5 * (scene.palette.line_px / 2.25);
    context.lineWidth = Math.max(1.25, scene.palette.line_px * 0.6);
    for (let k = 0; k < eigenvalues.length; k += 2) {
      const [re, im] = [/** @type {number} */ (eigenvalues[k]), /** @type {number} */ (eigenvalues[k + 1])];
      const [x, y] = [panel.px(re), panel.py(im)];
      context.strokeStyle = modulusColour(Math.hypot(re, im));
      context.beginPath();
      context.moveTo(x - size, y);
      context.lineTo(x, y - size);
      context.lineTo(x + size, y);
      context.lineTo(x, y + size);
      context.closePath();
      context.stroke();
    }
  }

  /** Crosses: what one step at the cursor really multiplies by. @param {CanvasRenderingContext2D} context @param {Float32Array | Float64Array} eigenvalues */
  function paintCrosses(context, eigenvalues) {
    const size = 3.5 * (scene.palette.line_px / 2.25);
    context.strokeStyle = scene.palette.ink;
    context.lineWidth = Math.max(1.25, scene.palette.line_px * 0.6);
    context.beginPath();
    for (let k = 0; k < eigenvalues.length; k += 2) {
      const [x, y] = [panel.px(/** @type {number} */ (eigenvalues[k])), panel.py(/** @type {number} */ (eigenvalues[k + 1]))];
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x - size, y + size);
      context.lineTo(x + size, y - size);
    }
    context.stroke();
  }

  /** @param {number} modulus */
  const modulusColour = (modulus) => scene.palette[fateOf(modulus)];

  scene.loop.addLayer("eigenvalues", drawMarks, signal);
  scene.loop.addLayer("eigenvalues.hand", drawHand, signal);
  return { panel, rest: () => panel.rest(() => hoverTraces(scene.run)) };
}

/** @param {NonNullable<import("../render/scene.js").Scene["jacobian"]>} jacobian */
function jacobianWords({ eigenvalues, slopes, problem, of }) {
  if (problem || !eigenvalues) return "✕ none";
  const name = cellInfo(of.cell).keep ?? "φ′";
  const mean = Array.from(slopes).reduce((sum, slope) => sum + slope, 0) / Math.max(slopes.length, 1);
  return `✕ Jₜ ${plain(largestModulus(eigenvalues), 3)}, ${name} ${plain(mean, 2)}`;
}

/** @param {number} modulus @returns {"live" | "explode" | "vanish"} */
function fateOf(modulus) {
  if (Math.abs(modulus - 1) <= ON_CIRCLE) return "live";
  return modulus > 1 ? "explode" : "vanish";
}

/** @param {Float32Array | Float64Array | undefined} eigenvalues */
function largestModulus(eigenvalues) {
  let largest = 0;
  for (let k = 0; eigenvalues && k < eigenvalues.length; k += 2) largest = Math.max(largest, Math.hypot(eigenvalues[k] ?? 0, eigenvalues[k + 1] ?? 0));
  return largest;
}

/** @param {Run | null} run @returns {object[]} */
function hoverTraces(run) {
  const data = run?.standing.spectrum.eigenvalues?.data;
  if (!data) return [];
  const count = data.length / 2;
  const x = Array.from({ length: count }, (_, k) => data[2 * k] ?? NaN);
  const y = Array.from({ length: count }, (_, k) => data[2 * k + 1] ?? NaN);
  const text = x.map((re, k) => `λ = ${re.toFixed(4)} ${(y[k] ?? 0) < 0 ? "−" : "+"} ${Math.abs(y[k] ?? 0).toFixed(4)} i<br>|λ| = ${plain(Math.hypot(re, y[k] ?? 0), 4)}, angle ${plain((Math.atan2(y[k] ?? 0, re) * 180) / Math.PI, 4)}°`);
  return [{ type: "scatter", mode: "markers", x, y, text, opacity: 0, marker: { size: 10 }, hovertemplate: "%{text}<extra></extra>" }];
}
