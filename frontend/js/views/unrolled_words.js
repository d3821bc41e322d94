/** What the unrolled network says in words. Pure: numbers come from the run. */
import { powerOfTen, superscript, whole } from "../render/format.js";
import { andToken } from "../render/token_text.js";
import { cellInfo, hasGates } from "../state/cells.js";
import { generates } from "../state/forms.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("./unrolled_cone.js").Cone} Cone */

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/** A whole number below the line. @param {number} count */
export const subscript = (count) => [...String(count)].map((digit) => SUBSCRIPTS[Number(digit)] ?? digit).join("");

/**
 * The name of a step's input, its token, where it has one; else its number is shown. The one place
 * where the unrolled network asks for it.
 * @param {Run | null} run @param {number} step from 1 @returns {string | null}
 */
export const nameOfInput = (run, step) => run?.tokenAt(step - 1) ?? null;

/** The recurrent weights' name. @param {Experiment} experiment */
export const matrixName = ({ cell }) => (cell.kind === "attention" ? "W_qkv" : "W_hh");

/** How deep the network is: the longest path from the first input to the loss. @param {Experiment} experiment */
export function depthWords(experiment) {
  const { steps: T, cell } = experiment;
  if (cell.kind === "attention") return `Depth 1, whatever T is: attention carries no state on and reads all inputs at once: x₁ is one step from L.`;
  const up = cell.layers - 1;
  const depth = up ? `Depth T + layers − 1 = ${whole(T + up)}` : `Depth T = ${whole(T)}`;
  if (up) return `${depth}: the longest path from x₁ to L passes W_hh ${times(T - 1)} and goes up ${count(up)}.`;
  const path = `${depth}: the longest path from x₁ to L passes W_hh T − 1 = ${times(T - 1)}`;
  if (generates(experiment)) return `${path} (or W_xh W_hy).`;
  if (hasGates(cell)) return `${path}, or by gate ${cell.kind === "lstm" ? "f" : "z"} alone never.`;
  return `${path}.`;
}

/** @param {number} n */
const count = (n) => (n === 1 ? "once" : n === 2 ? "twice" : `${whole(n)} times`);
/** @param {number} n */
const times = (n) => `${whole(n)} ${n === 1 ? "time" : "times"}`;

/**
 * A step's share of ∂L/∂W_hh.
 * @param {Run | null} run @param {number} t from 1
 * @returns {{decades: number, percent: string, where: string} | null} decades over all steps' sum; null where it isn't known
 */
export function shareAt(run, t) {
  const shares = run?.done?.diagnosis?.shares;
  if (!run || !shares || t <= run.window.t0 || t > run.window.t1) return null;
  const [first, last] = run.sharing(t - 1);
  const where = first === last ? `Step ${whole(t)}${andToken(nameOfInput(run, t))} pays` : `Steps ${whole(first)}…${whole(last)} pay at most`;
  if (shares.log10_sum === null) return { decades: -Infinity, percent: "0 %", where };
  const decades = run.valueAt("log10_grad_W_hh", t - 1) - shares.log10_sum;
  return { decades, percent: percentText(decades), where };
}

/** A share, given as a power of ten, in per cent. @param {number} decades */
export const percentText = (decades) => `${decades > -5.5 && Number.isFinite(decades) ? String(Number((100 * 10 ** decades).toPrecision(2))) : powerOfTen(decades + 2)} %`;

/** The same for a small place: of what is next to nothing the power alone. @param {number} decades */
export const shortPercent = (decades) => (decades < -6 && Number.isFinite(decades) ? `10${superscript(Math.round(decades + 2))} %` : percentText(decades));

/** Which step pays how much for the shared matrix. @param {Run | null} run @param {number} t @returns {string} "" where nothing is known */
export function shareWords(run, t) {
  const share = shareAt(run, t);
  const all = run?.done?.diagnosis?.shares;
  if (!run || !share || !all) return "";
  const W = matrixName(run.experiment);
  if (all.log10_sum === null || all.largest_step === null || all.log10_largest === null) return `No step pays for ${W}: ∂L/∂${W} is zero.`;
  const most = all.largest_step + 1;
  const largest = percentText(all.log10_largest - all.log10_sum);
  const top = most === t ? "the most of all" : `step ${whole(most)} the most: ${largest}`;
  const half = run.T === 1 ? "" : ` ${all.steps_of_half === 1 ? "It alone makes" : `${whole(all.steps_of_half)} of ${whole(run.T)} steps make`} half.`;
  const whose = [run.experiment.cell.layers > 1 ? " (top layer)" : "", run.B > 1 ? ` (all ${whole(run.B)} sequences together)` : ""].join("");
  return `${share.where} ${share.percent} of ∂L/∂${W}${whose}, ${top}.${half}`;
}

/** What these shares are, on demand. @param {Experiment} experiment */
export function shareTitle(experiment) {
  const W = matrixName(experiment);
  return `∂L/∂${W} is the sum of what every step contributes, G_t. The share of a step is ‖G_t‖ over the sum of all ‖G_t‖ (Frobenius norms). Contributions point in different directions, so these norms add up to more than ‖∂L/∂${W}‖ itself.`;
}

/**
 * What a chosen state depends on, and what depends on it.
 * @param {Cone} cone @param {Experiment} experiment @param {string} measured  what is said of the strengths
 */
export function coneWords({ t, layer }, experiment, measured) {
  const { steps: T, cell, loss } = experiment;
  const h = `h${subscript(t)}${layer < cell.layers - 1 ? ` of layer ${layer + 1}` : ""}`;
  const upTo = (/** @type {string} */ symbol, /** @type {number} */ from, /** @type {number} */ to) => (from > to ? "" : from === to ? `${symbol}${subscript(from)}` : `${symbol}${subscript(from)} … ${symbol}${subscript(to)}`);
  const hasLoss = loss.at === "every" || t === T || cell.kind !== "attention";
  if (cell.kind === "attention") return `${h} depends on ${upTo("x", 1, t)}, each one step away, and on no state before it. ${loss.at === "every" || t === T ? "L depends on it" : "Nothing in this L depends on it"}.`;
  const under = layer ? `, the layers under it` : "";
  const back = `${h} depends on ${upTo("x", 1, t)}, ${upTo("h", 0, t - 1)}${under} and W_hh ${times(t)};`;
  const over = cell.layers - 1 > layer ? "the layers over it, " : "";
  const on = [upTo("h", t + 1, T), hasLoss ? "L" : ""].filter(Boolean).join(" and ");
  return `${back} on it ${over}${on}. ${measured}`;
}

/** In one sentence, for who can't see it. @param {Experiment} experiment @param {number} t @param {number} unroll */
export function pictureWords(experiment, t, unroll) {
  const { cell, steps: T } = experiment;
  const name = `${cellInfo(cell).name} cell`;
  if (cell.kind === "attention") return `Self-attention, unrolled: at step ${t} of ${whole(T)} the inputs x 1 to x ${t} go in at once; no state is carried on.`;
  if (unroll === 0) return `The recursive picture: one ${name} with a loop. x t and h t−1 go in, h t comes out and returns through W_hh. Now t = ${t} of ${whole(T)}.`;
  return `The unrolled network: ${whole(T)} copies of one ${name}, each with the same W_hh, in a line from x 1 to x ${whole(T)}. The cursor is at step ${t}.`;
}

/** A power of ten for a small place. @param {number} log10 */
export const shortPower = (log10) => (log10 === -Infinity ? "0" : log10 > -2.5 && log10 < 3.5 ? String(Number((10 ** log10).toPrecision(2))) : `10${superscript(Math.round(log10))}`);
