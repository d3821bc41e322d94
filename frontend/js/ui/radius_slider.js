/** ρ, the largest control on the page: a native range with a detent at 1, and a number beside it. */
import { hasGates } from "../state/cells.js";
import { plain, typable } from "../render/format.js";
import { writeAttribute, writeText } from "../render/write.js";
import { problemWith, FIELD_AT } from "../state/fields.js";
import { markLive } from "./keyboard.js";
import { refusalWords } from "./refusals.js";
import { bindSteps } from "./stepping.js";

/** The detent reaches this far around 1; from .97 down and 1.03 up every value is kept. */
const DETENT = 0.015;

/** @param {number} rho */
const detained = (rho) => (Math.abs(rho - 1) < DETENT ? 1 : rho);

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mountRadiusSlider(element, scene, signal) {
  const { store } = scene;
  element.innerHTML = `
    <label class="rho-label" for="rho"><span class="rho-symbol">ρ</span> spectral radius</label>
    <input class="rho-number" type="number" min="0" step="0.01" aria-label="ρ typed">
    <input id="rho" class="rho-slider" type="range" min="0" max="2" step="0.001" aria-label="ρ, spectral radius of W_hh" list="rho-ticks">
    <datalist id="rho-ticks"><option value="0"></option><option value="0.5"></option><option value="1"></option><option value="1.5"></option><option value="2"></option></datalist>
    <div class="rho-scale" aria-hidden="true"><span>0</span><span>0.5</span><span>1</span><span>1.5</span><span>2</span></div>
    <small class="field-hint rho-hint"></small>`;
  const slider = /** @type {HTMLInputElement} */ (element.querySelector(".rho-slider"));
  const number = /** @type {HTMLInputElement} */ (element.querySelector(".rho-number"));
  const hint = /** @type {HTMLElement} */ (element.querySelector(".rho-hint"));
  if (scene.recording) element.querySelector("datalist")?.replaceChildren(...scene.recording.radii(store.experiment).map((rho) => new Option("", String(rho))));
  const field = /** @type {import("../state/fields.js").Field} */ (FIELD_AT.get("recurrent.spectral_radius"));

  markLive(number);

  const nudge = bindSteps(slider, store, (step) => {
    const rho = inForce();
    // A recording has its own steps.
    if (scene.recording) return take(scene.recording.radiusAfter(store.experiment, rho, Math.sign(step) * (Math.abs(step) < 0.05 ? 1 : 5)));
    const next = Math.max(0, Number((rho + step).toFixed(4)));
    take(rho <= 2 ? Math.min(2, next) : next);
  }, signal);

  /** Of a draw ρ is what it is scaled to; what was made by hand, or loaded, is rescaled as it is. @param {number} rho */
  function take(rho) {
    if (isMade()) store.operate("W_hh", { op: "radius", spectral_radius: rho }, { merge: "rho" });
    else store.edit({ "recurrent.spectral_radius": rho, "recurrent.gain": null }, { label: `ρ → ${plain(rho, 4)}`, merge: "rho" });
  }

  const isMade = () => store.experiment.recurrent.edits.length > 0 || store.experiment.weights.file !== null;

  slider.addEventListener("input", () => {
    take(detained(Number(slider.value)));
    if (scene.recording) show(); // the knob stands on what is recorded
  }, { signal });
  slider.addEventListener("change", () => {
    store.endStep();
    show();
  }, { signal });
  number.addEventListener("input", () => {
    const value = number.value.trim() === "" ? NaN : Number(number.value);
    const problem = problemWith(field, value);
    number.setAttribute("aria-invalid", String(problem !== null));
    hint.classList.toggle("field-problem", problem !== null);
    hint.textContent = problem ?? "";
    if (problem === null) take(value);
  }, { signal });
  number.addEventListener("blur", () => {
    store.endStep();
    show();
  }, { signal });

  /** ρ as the document has it; the measured one where a gain stands instead, or a hand has been at W_hh. */
  function inForce() {
    const { spectral_radius: rho, gain, edits } = store.experiment.recurrent;
    const last = edits.at(-1);
    if (last?.op === "radius") return last.spectral_radius;
    if (gain === null && !isMade()) return rho ?? 1;
    return scene.run?.done?.spectral_radius ?? scene.whole?.done?.spectral_radius ?? rho ?? 1;
  }

  function show() {
    const rho = inForce();
    // The slider itself keeps a thousandth.
    if (Math.abs(Number(slider.value) - Math.min(rho, 2)) > 5e-4) slider.value = String(rho);
    writeAttribute(slider, "aria-valuetext", `ρ = ${plain(rho, 4)}`);
    if (document.activeElement === number && Number(number.value) === rho) return;
    const text = typable(rho);
    if (number.value !== text) number.value = text;
    number.removeAttribute("aria-invalid");
    const refused = scene.refused?.op === "radius" ? scene.refused.message : "";
    writeAttribute(hint, "class", `field-hint rho-hint${refused ? " field-problem" : ""}`);
    writeAttribute(hint, "title", refused);
    writeText(hint, refused ? refusalWords(refused) : remark(rho));
  }

  /** @param {number} rho */
  function remark(rho) {
    const { gain } = store.experiment.recurrent;
    if (isMade()) return "measured; moving it rescales W_hh as it is";
    if (scene.run?.done?.notes.some(({ code }) => code === "nilpotent")) return "this W_hh has ρ = 0 and can't be rescaled: it runs as drawn";
    if (gain !== null) return `gain g = ${plain(gain, 4)}: measured ρ; moving the slider rescales`;
    return hasGates(store.experiment.cell) ? "of each gate's own W_hh" : rho > 2 ? "beyond the slider's 2" : "";
  }

  store.subscribe((change) => change === "experiment" && show(), signal);
  scene.loop.addLayer("radius_slider", show, signal);
  show();
  return {
    nudge,
    set: (/** @type {number} */ rho) => take(detained(rho)),
    /** What was being set is not to be. */
    cancel: () => store.abandon("rho"),
    inForce,
  };
}
