/** One slider: the same eigenvalues, another fate. With it how a moved eigenvalue takes the weights along. */
import { alphaOf, editsOf } from "../state/edits.js";
import { plain, powerOfTen } from "../render/format.js";
import { writeAttribute, writeText } from "../render/write.js";
import { refusalWords } from "./refusals.js";
import { bindSteps } from "./stepping.js";

/** The detent holds 1, where W_hh is what it was. */
const DETENT = 0.03;

/**
 * @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene
 * @param {{onInterest: () => void}} events  the growth of the powers is wanted from now on
 * @param {AbortSignal} signal
 */
export function mountNormalitySlider(element, scene, { onInterest }, signal) {
  const { store } = scene;
  element.innerHTML = `
    <label for="alpha" title="what is not normal in W_hh is scaled by α: its eigenvalues stay, σ_max and the growth of its powers don't">non-normality × α</label>
    <input id="alpha" type="range" min="0" max="2" step="0.01" aria-label="α, departure of W_hh from normality"><output class="alpha"></output>
    <small class="field-hint normality-hint"></small>
    <div class="keep"><label for="keep">moved λ keeps</label>
    <select id="keep"><option value="eigenvectors">eigenvectors</option><option value="schur_vectors">Schur vectors</option></select></div>`;
  const slider = /** @type {HTMLInputElement} */ (element.querySelector("#alpha"));
  const keep = /** @type {HTMLSelectElement} */ (element.querySelector("#keep"));
  const [value, hint] = [/** @type {HTMLElement} */ (element.querySelector(".alpha")), /** @type {HTMLElement} */ (element.querySelector(".normality-hint"))];

  /** @param {number} alpha */
  function take(alpha) {
    const edits = editsOf(store.experiment, "W_hh");
    // Back at 1 the matrix is what it was: no operation says so.
    if (alpha === 1 && edits.at(-1)?.op === "normality") store.edit({ "recurrent.edits": edits.slice(0, -1) }, { label: "non-normality × 1", merge: "normality" });
    else if (alpha !== 1) store.operate("W_hh", { op: "normality", alpha }, { merge: "normality" });
    show();
  }

  const alpha = () => alphaOf(editsOf(store.experiment, "W_hh"));
  slider.addEventListener("input", () => {
    const raw = Number(slider.value);
    take(Math.abs(raw - 1) < DETENT ? 1 : raw);
  }, { signal });
  bindSteps(slider, store, (step) => take(Math.min(Math.max(Number((alpha() + step).toFixed(4)), 0), 2)), signal);
  slider.addEventListener("change", () => {
    store.endStep();
    show();
  }, { signal });
  keep.addEventListener("change", () => store.look({ keep: keep.value === "schur_vectors" ? "schur_vectors" : "eigenvectors" }), { signal });

  function show() {
    const present = alpha();
    if (Number(slider.value) !== present) slider.value = String(present);
    writeText(value, plain(present, 3));
    writeAttribute(slider, "aria-valuetext", `α = ${plain(present, 3)}`);
    if (keep.value !== store.view.keep) keep.value = store.view.keep;
    const departure = scene.run?.done?.henrici_departure;
    const growth = scene.powers;
    const refused = scene.refused?.op === "normality" ? scene.refused.message : "";
    writeAttribute(hint, "class", `field-hint normality-hint${refused ? " field-problem" : ""}`);
    writeText(hint, refused ? refusalWords(refused) : [
      typeof departure === "number" ? `Henrici ${plain(departure, 3)}` : "",
      growth ? `max ‖Wᵗ‖ ${powerOfTen(growth.log10_norm)} at t = ${growth.step}${growth.step === growth.steps ? " and growing" : ""}` : "",
    ].filter(Boolean).join(" · "));
    writeAttribute(hint, "title", refused || "Henrici's departure from normality √(‖W‖² − Σ|λ|²), and the largest norm of a power of W_hh");
  }

  let isOfInterest = false;
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, () => {
    isOfInterest = true;
    onInterest();
  }, { signal });
  store.subscribe(show, signal);
  scene.loop.addLayer("normality_slider", show, signal);
  show();
  return { isOfInterest: () => isOfInterest || editsOf(store.experiment, "W_hh").some(({ op }) => op === "normality") };
}
