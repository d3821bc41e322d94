/** ρ, the largest control on the page: a native range with a detent at 1, and a number beside it. */
import { plain } from "../render/format.js";
import { writeAttribute, writeText } from "../render/write.js";
import { problemWith, FIELD_AT } from "../state/fields.js";
import { hasModifier } from "./keyboard.js";

/** The detent reaches this far around 1; from .97 down and 1.03 up every value is kept. */
const DETENT = 0.015;
const KEY_PAUSE_MS = 800;

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
  const field = /** @type {import("../state/fields.js").Field} */ (FIELD_AT.get("recurrent.spectral_radius"));

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let stepping;

  /** Keys that follow one another are one step of history; a pause ends it. @param {number} step */
  function nudge(step) {
    const rho = inForce();
    const next = Math.max(0, Number((rho + step).toFixed(4)));
    take(rho <= 2 ? Math.min(2, next) : next);
    clearTimeout(stepping);
    stepping = setTimeout(() => store.endStep(), KEY_PAUSE_MS);
  }

  /** @param {number} rho */
  const take = (rho) => store.edit({ "recurrent.spectral_radius": rho, "recurrent.gain": null }, { label: `ρ → ${plain(rho, 4)}`, merge: "rho" });

  slider.addEventListener("input", () => {
    const raw = Number(slider.value);
    take(Math.abs(raw - 1) < DETENT ? 1 : raw);
  }, { signal });
  slider.addEventListener("change", () => {
    store.endStep();
    show();
  }, { signal });
  slider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!step || hasModifier(event)) return;
    // The keys' own steps walk through the detent's hollow instead of sticking in it.
    event.preventDefault();
    nudge(step * (event.shiftKey ? 0.1 : 0.01));
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

  /** ρ as the document has it; where a gain stands instead, the measured one. */
  function inForce() {
    const { spectral_radius: rho, gain } = store.experiment.recurrent;
    return gain === null ? (rho ?? 1) : (scene.run?.done?.spectral_radius ?? 1);
  }

  function show() {
    const rho = inForce();
    if (Number(slider.value) !== rho) slider.value = String(rho);
    writeAttribute(slider, "aria-valuetext", `ρ = ${plain(rho, 4)}`);
    if (document.activeElement === number && Number(number.value) === rho) return;
    const text = String(Number(rho.toPrecision(6)));
    if (number.value !== text) number.value = text;
    number.removeAttribute("aria-invalid");
    writeAttribute(hint, "class", "field-hint rho-hint");
    writeText(hint, remark(rho));
  }

  /** @param {number} rho */
  function remark(rho) {
    const { gain, edits } = store.experiment.recurrent;
    const measured = scene.run?.done?.spectral_radius;
    if (gain !== null) return `gain g = ${plain(gain, 4)}: measured ρ; moving the slider rescales`;
    if (scene.run?.done?.notes.some(({ code }) => code === "nilpotent")) return "this W_hh has ρ = 0 and can't be rescaled: it runs as drawn";
    if (edits.length && typeof measured === "number" && Math.abs(measured - rho) > 5e-4) return `${plain(measured, 4)} with ${edits.length} edited weight${edits.length > 1 ? "s" : ""}`;
    return rho > 2 ? "beyond the slider's 2" : "";
  }

  store.subscribe((change) => change === "experiment" && show(), signal);
  scene.loop.addLayer("radius_slider", show, signal);
  show();
  return { nudge };
}
