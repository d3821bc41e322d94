/** Several networks among the norms: each with its own dash, its colour still its fate. */
import { apart } from "../render/apart.js";
import { factorText, powerOfTen } from "../render/format.js";
import { paintSeries, paintText } from "../render/lines.js";
import { fateColour } from "../render/palette.js";
import { textWidth } from "../render/stamps.js";
import { writeAttribute, writeProperty, writeText } from "../render/write.js";
import { longNameOf } from "../state/compare.js";
import { gradientSentence } from "./verdict.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../render/scene.js").Shown} Shown */
/** @typedef {import("../render/panel.js").PlotPanel} PlotPanel */

/** Dashes and gaps in widths of the line, whose ends are round: the main network's line is whole. */
const DASHES = Object.freeze([[], [4, 2.5], [0.01, 2.2], [7, 2.5, 0.01, 2.5], [2, 4]]);

/** @param {number} k place among the networks @param {number} width of the line */
const dashOf = (k, width) => (DASHES[k % DASHES.length] ?? []).map((length) => length * width);

const SAMPLE = Object.freeze({ length: 28, width: 2.5 });
const SMALLEST_TEXT_PX = 10;

/** The two curves of each network. @type {ReadonlyArray<{name: "log10_norm_h" | "log10_grad_h", weight: number, of: "states" | "gradients", html: string}>} */
const CURVES = Object.freeze([
  { name: "log10_norm_h", weight: 0.5, of: "states", html: "‖h<sub>t</sub>‖" },
  { name: "log10_grad_h", weight: 1.25, of: "gradients", html: "‖∂L/∂h<sub>t</sub>‖" },
]);

export const COMPARED_SERIES = Object.freeze(CURVES.map(({ name }) => name));

/** What the strengths of the lines say. */
export const COMPARED_DETAIL = "‖∂L/∂hₜ‖ thick, ‖hₜ‖ thin";

/** @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {readonly Shown[]} networks */
export function paintNetworks(context, panel, networks) {
  const { palette } = panel.scene;
  for (const { name, weight, of } of CURVES) {
    // The main network lies on top.
    for (const [k, { run }] of [...networks.entries()].reverse()) {
      const width = palette.line_px * weight;
      if (run) paintSeries(context, panel, run, run.series(name), { colour: fateColour(palette, run.done?.diagnosis?.[of].fate), width, dash: dashOf(k, width) });
    }
  }
  paintNames(context, panel, networks);
}

/** A network's name where its gradient ends; those that would lie on top of one another are moved apart. @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {readonly Shown[]} networks */
function paintNames(context, panel, networks) {
  const { area, scene } = panel;
  // In a low panel the names of many are small: they may not hide the curves.
  const text_px = Math.min(scene.palette.text_px, Math.max(SMALLEST_TEXT_PX, area.height / (2.5 * networks.length)));
  const palette = { ...scene.palette, text_px };
  const line_px = text_px * 1.3;
  const font = `${text_px}px ${palette.font}`;
  const middle = area.y + area.height / 2;
  // Over the line, or under one that has no room above it.
  const besides = (/** @type {number} */ y) => (y > middle ? y - 3 : y + line_px + 3);
  const ends = networks.flatMap(({ kind, name, run }) => {
    if (!run) return [];
    const { high } = run.series("log10_grad_h");
    const column = high.findIndex(Number.isFinite);
    const hasZeros = high.includes(-Infinity);
    if (column < 0 && !hasZeros) return [];
    const words = hasZeros ? [`${longNameOf(kind)}: ‖∂L/∂hₜ‖ = ${zeroWords(run, column)}`, `${name}: ${zeroWords(run, column)}`] : [name];
    const text = words.find((each) => textWidth(font, each) < area.width - 12) ?? name;
    return [{ text, colour: fateColour(palette, run.done?.diagnosis?.gradients.fate), y: hasZeros ? area.y + area.height : besides(panel.py(high[column] ?? 0)) }];
  });
  const low = area.y + line_px;
  const places = apart(ends.map(({ y }) => y), line_px, low, area.y + area.height - 3);
  ends.forEach(({ text, colour }, k) => paintText(context, text, area.x + 6, places[k] ?? low, palette, { colour }));
}

/** @param {Run} run @param {number} column the first that is not zero; -1 where all are */
function zeroWords(run, column) {
  return column < 0 ? "0 everywhere" : `0 before t = ${run.stepOf(column) + 1}`;
}

/**
 * The legend: a dash, a name, the measured factor of the gradient at every step back.
 * @param {HTMLElement} element
 */
export function comparedLegend(element) {
  let shown = "";
  return {
    /** Something else stands in the element now. */
    forget: () => (shown = ""),
    /** @param {readonly Shown[]} networks @param {import("../render/palette.js").Palette} palette */
    draw(networks, palette) {
      const key = networks.map(({ kind }) => kind).join();
      if (key !== shown) {
        shown = key;
        element.innerHTML = networks.map(({ name }, k) => `<span class="network"><svg width="${SAMPLE.length}" height="6" aria-hidden="true"><line x1="2" x2="${SAMPLE.length - 2}" y1="3" y2="3" stroke="currentColor" stroke-linecap="round" stroke-width="${SAMPLE.width}" stroke-dasharray="${dashOf(k, SAMPLE.width).join(" ")}"/></svg> ${name} <b></b></span>`).join("");
      }
      networks.forEach((network, k) => {
        const item = /** @type {HTMLElement | undefined} */ (element.children[k]);
        if (!item) return;
        const { text, title, fate } = rateOf(network);
        writeText(item.querySelector("b") ?? undefined, text);
        writeAttribute(item, "title", title);
        writeProperty(item, "--swatch", network.problem ? palette.quiet : fateColour(palette, fate));
      });
    },
  };
}

/** @param {Shown} network @returns {{text: string, title: string, fate?: string | null | undefined}} */
function rateOf({ kind, run, problem, reason }) {
  const name = longNameOf(kind);
  if (problem) return { text: "–", title: `${name}: ${reason}` };
  const diagnosis = run?.done?.diagnosis;
  if (!run || !diagnosis) return { text: "…", title: name };
  const { fate, log10_factor: factor, log10_change: change } = diagnosis.gradients;
  // One look away at every distance: nothing is multiplied step by step.
  if (kind === "attention" && typeof change === "number") return { text: `${powerOfTen(change)} of the last at t = 1`, title: `${name}: ‖∂L/∂e_t‖ at t = 1 over that at t = T; every input is one look away, so there is no factor per step`, fate };
  const text = fate === "zero" ? "×0" : typeof factor === "number" ? `×${factorText(factor)}` : "–";
  return { text, title: `${name}: ${gradientSentence(diagnosis, run.experiment)}`, fate };
}

/** @param {readonly Shown[]} networks @returns {object[]} */
export function comparedHover(networks) {
  return networks.flatMap(({ name: who, run }) => {
    if (!run) return [];
    const x = Array.from({ length: run.columns }, (_, column) => run.stepOf(column) + 1);
    return CURVES.map(({ name, html }) => {
      const y = Array.from(run.series(name).high, (value) => (Number.isFinite(value) ? value : null));
      const text = Array.from(run.series(name).high, (value) => powerOfTen(value));
      return { type: "scatter", mode: "lines", x, y, text, opacity: 0, hovertemplate: `<b>${who}</b> ${run.isBinned ? "largest from t = %{x:d} on" : "t = %{x:d}"}<br>${html} = %{text}<extra></extra>` };
    });
  });
}
