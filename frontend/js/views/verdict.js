/** The verdict: what the measured rates say, in one sentence; and on demand why. */
import { factorText, plain, powerOfTen, superscript } from "../render/format.js";
import { writeAttribute, writeText } from "../render/write.js";
import { hasGates, isBounded } from "../state/cells.js";
import { closeOnLeaving } from "../ui/popup.js";

/** @typedef {import("../net/wire.js").Done} Done */
/** @typedef {NonNullable<Done["diagnosis"]>} Diagnosis */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */

const SIGN = Object.freeze({ vanish: "▼", zero: "▼", explode: "▲", live: "■" });

/** Why, where gates decide and no one matrix does. @type {Readonly<Record<string, string>>} */
const GATED = Object.freeze({
  lstm: "The gradient travels along c: at every step it is multiplied by the forget gate f<sub>t</sub>, a number from 0 to 1, and not by W<sub>hh</sub> and φ′. The dashed line in the panel of norms is that direct path alone, Π f<sub>t</sub>; what the gradient has beside it came through the gates.",
  attention: "Every input is one look away from the loss: its gradient is the weight that the last query gives it, times what its value, key and query do. Nothing is multiplied step by step, so distance alone takes nothing.",
  gru: "The gradient travels along h: at every step it is multiplied by the update gate z<sub>t</sub>, a number from 0 to 1, and for the rest goes through the candidate. The dashed line in the panel of norms is that direct path alone, Π z<sub>t</sub>.",
});

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  element.innerHTML = `
    <p class="verdict"><span class="clause" data-of="gradients"></span> <span class="clause" data-of="states"></span></p>
    <details class="why"><summary>why?</summary><div class="why-body"></div></details>`;
  const clauses = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".clause")]);
  const [gradients, states] = clauses;
  const why = /** @type {HTMLElement} */ (element.querySelector(".why-body"));
  const details = /** @type {HTMLDetailsElement} */ (element.querySelector("details"));
  /** @type {Done | null} */
  let shown = null;

  function draw() {
    const { run } = scene;
    const done = run?.done ?? null;
    if (!run || done === shown && done) return;
    shown = done;
    if (!done) {
      say(gradients, null, `computing ${run.T.toLocaleString("en")} steps of ${run.H.toLocaleString("en")} units …`);
      return say(states, null, "");
    }
    const { diagnosis } = done;
    const { experiment } = run;
    say(gradients, diagnosis?.gradients.fate, diagnosis ? gradientSentence(diagnosis, experiment) : "");
    say(states, (diagnosis?.generating ?? diagnosis?.states)?.fate, diagnosis ? stateSentence(diagnosis, experiment) : "");
    const whose = experiment.batch_size > 1 ? `of the mean of all ${experiment.batch_size} sequences, whichever is shown` : "";
    for (const clause of clauses) writeAttribute(clause, "title", whose);
    if (details.open) drawWhy();
  }

  function drawWhy() {
    const done = scene.run?.done;
    if (done?.diagnosis && scene.run) why.innerHTML = whyHtml(done, done.diagnosis, scene.run.experiment);
  }

  details.addEventListener("toggle", () => details.open && drawWhy(), { signal });
  closeOnLeaving(details, signal);
  scene.loop.addLayer("verdict", draw, signal);
  // On a phone ρ sticks below the verdict, which is as high as its words need.
  const observer = new ResizeObserver(() => document.documentElement.style.setProperty("--verdict-height", `${element.offsetHeight}px`));
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}

/** @param {HTMLElement | undefined} clause @param {keyof typeof SIGN | null | undefined} fate @param {string} text */
function say(clause, fate, text) {
  if (!clause) return;
  writeAttribute(clause, "data-fate", fate === "zero" ? "vanish" : (fate ?? "live"));
  writeText(clause, text && `${fate ? SIGN[fate] : "·"} ${text}`);
}

/** @param {Diagnosis} diagnosis @param {Experiment} experiment */
export function gradientSentence({ gradients }, { cell, steps, loss }) {
  const { fate, log10_factor: factor, log10_change: change, steps_to_threshold: reached, zero_after: zeroAfter, threshold_log10: threshold } = gradients;
  if (fate === "zero") return `Gradients die: exactly zero ${zeroAfter ? `after ${stepsText(zeroAfter)} back` : "everywhere"}.`;
  if (!fate || typeof factor !== "number" || typeof change !== "number") return steps === 1 ? "One step: nothing to multiply yet." : "No gradient to follow.";
  if (cell.kind === "attention") return `Attention: ${powerOfTen(change)} of the last gradient at t = 1, one look away at any distance.`;
  const rate = `×${factorText(factor)} per step back`;
  const far = typeof reached === "number" && typeof threshold === "number" && loss.at === "last"
    ? `${fate === "explode" ? "above" : "below"} 10${superscript(threshold)} after ${stepsText(reached)}`
    : `${powerOfTen(change)} arrives at t = 1`;
  const word = { vanish: "Gradients vanish", explode: "Gradients explode", live: "Gradients stay alive" }[fate];
  return `${word}: ${rate}, ${fate === "explode" && !reached ? `×${powerOfTen(change)} over ${stepsText(steps - 1)}` : far}.`;
}

/** @param {Diagnosis} diagnosis @param {Experiment} experiment */
export function stateSentence({ states, fed, generating }, experiment) {
  if (fed && generating) return `Activations ${rateOf(fed)} fed, ${rateOf(generating)} generating.`;
  return stateClause(states, experiment);
}

/** @param {Diagnosis["states"]} states */
const rateOf = ({ fate, log10_factor: factor }) => (typeof factor === "number" ? `×${factorText(factor)}` : fate === "zero" ? "zero" : "–");

/** @param {Diagnosis["states"]} states @param {Experiment} experiment */
function stateClause(states, { cell, steps }) {
  const hasBound = isBounded(cell);
  const { fate, log10_factor: factor, zero_after: zeroAfter } = states;
  if (fate === "zero") return zeroAfter ? `Activations die: exactly zero after ${stepsText(zeroAfter)}.` : "Activations are zero throughout.";
  if (!fate || typeof factor !== "number") return steps === 1 ? "" : "Nothing is active.";
  const rate = `×${factorText(factor)} per step`;
  if (fate === "vanish") return `Activations fade: ${rate}.`;
  if (fate === "explode") return hasBound ? `Activations grow: ${rate}, at most 1.` : `Activations explode: ${rate}.`;
  return hasBound ? "Activations live, bounded by tanh." : `Activations live: ${rate}.`;
}

/** @param {number} count */
function stepsText(count) {
  return count === 1 ? "1 step" : `${count} steps`;
}

/** @param {Done} done @param {Diagnosis} diagnosis @param {Experiment} experiment */
function whyHtml(done, { gradients, certificate, generating }, { cell, recurrent, loss, batch_size }) {
  // While it generates a step goes through W_hh + W_xh W_hy: what is measured is of both.
  const matrix = generating ? "W<sub>hh</sub><sup>⊤</sup>, and back through y" : "W<sub>hh</sub><sup>⊤</sup> alone";
  const saturation = gradients.log10_saturation;
  const gain = gradients.log10_linear_gain;
  const rows = [
    typeof gain === "number" ? row(matrix, `×${factorText(gain)}`, generating ? "mean over both parts of the run: W<sub>hh</sub> where the input is given, W<sub>hh</sub> + W<sub>xh</sub>W<sub>hy</sub> where it is generated" : "mean of ‖W<sub>hh</sub><sup>⊤</sup>û‖ along the direction the gradient takes", gain) : "",
    typeof saturation === "number" ? row(`slope of ${cell.activation}`, `×${factorText(saturation)}`, cell.activation === "linear" ? "a linear unit passes everything" : "mean of ‖φ′(a<sub>t</sub>) ⊙ u‖: what saturated units let through", saturation) : "",
    typeof gain === "number" && typeof saturation === "number" ? row("one step back", `×${factorText(gain + saturation)}`, "the product: the measured rate", gain + saturation, true) : "",
  ].join("");
  const rho = done.spectral_radius;
  const sigma = certificate?.sigma_max ?? null;
  const bound = !certificate ? GATED[cell.kind] ?? "" : sigma === null ? "" : certificate.must_vanish
    ? `${generating ? "of both matrices " : ""}σ<sub>max</sub>·γ = ${plain(sigma * certificate.gamma)} &lt; 1, with γ = max|φ′|: every gradient of this network must vanish.`
    : `${generating ? "of the larger of both matrices " : ""}σ<sub>max</sub>·γ = ${plain(sigma * certificate.gamma)} ≥ 1: nothing is decided by the weights alone; the measured rate decides.`;
  const note = !generating && typeof rho === "number" && typeof gain === "number" && typeof saturation === "number" && (rho > 1) !== (gain + saturation > 0) && Math.abs(gain + saturation) > 5e-4
    ? `<p>ρ = ${plain(rho, 4)} suggests the opposite. ρ speaks of W<sub>hh</sub> alone; the gradient also passes φ′ at every step.</p>` : "";
  const henrici = cell.kind !== "attention" && typeof done.henrici_departure === "number"
    ? `<p>Departure of W<sub>hh</sub>${cell.layers > 1 ? " of layer 1" : ""} from normality (Henrici): ${plain(done.henrici_departure)}; 0 for a normal matrix, whose powers grow exactly as ρ<sup>t</sup>.</p>` : "";
  const batch = batch_size > 1 ? `<p>Measured of the mean of all ${batch_size} sequences, whichever of them is shown.</p>` : "";
  const edits = recurrent.edits.length ? `<p>W<sub>hh</sub> was changed by hand, in ${recurrent.edits.length} operation${recurrent.edits.length > 1 ? "s" : ""}; ρ and σ<sub>max</sub> are of the changed matrix.</p>` : "";
  const parts = rows
    ? `<table><caption>What one step back does to the gradient, geometric means over the run</caption>${rows}</table>`
    : loss.at === "every" ? "<p>With a loss at every step later losses join the gradient on its way, so its rate has no parts. Put the loss at the last step to see what W<sub>hh</sub><sup>⊤</sup> and φ′ each do.</p>" : "";
  return `${parts}<p>${bound}</p>${note}${batch}${henrici}${edits}`;
}

/** @param {string} name @param {string} factor @param {string} meaning @param {number} log10 @param {boolean} [isTotal] */
function row(name, factor, meaning, log10, isTotal = false) {
  const fate = log10 > 5e-4 ? "explode" : log10 < -5e-4 ? "vanish" : "live";
  return `<tr${isTotal ? ' class="total"' : ""}><th scope="row">${name}</th><td data-fate="${fate}">${factor}</td><td>${meaning}</td></tr>`;
}
