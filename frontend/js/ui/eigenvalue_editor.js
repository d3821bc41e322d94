/** The eigenvalue in hand as numbers: modulus and angle to type, its condition number, and why a move was refused. */
import { plain } from "../render/format.js";
import { writeHidden, writeText } from "../render/write.js";

/**
 * @param {import("../render/panel.js").PlotPanel} panel @param {import("../render/scene.js").Scene} scene
 * @param {ReturnType<typeof import("./eigenvalue_hand.js").bindEigenvalueHand>} hand @param {AbortSignal} signal
 */
export function mountEigenvalueEditor(panel, scene, hand, signal) {
  const { store } = scene;
  const element = document.createElement("span");
  element.className = "eigenvalue-editor";
  element.hidden = true;
  element.innerHTML = `|λ| <input class="modulus" inputmode="decimal" aria-label="modulus of the eigenvalue"> ∠ <input class="angle" inputmode="decimal" aria-label="angle of the eigenvalue in degrees">°
    <span title="condition number of the eigenvalue: how far the weights must go for it, and how far it goes for them">κ <output></output></span><span class="visually-hidden" role="status"></span>`;
  const problem = document.createElement("span");
  problem.className = "panel-problem field-problem";
  problem.setAttribute("role", "alert");
  panel.legend.append(element, problem);
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const [modulus, angle] = /** @type {[HTMLInputElement, HTMLInputElement]} */ ([find(".modulus"), find(".angle")]);
  const [kappa, spoken] = [find("output"), find("[role=status]")];
  /** What is typed is no number. */
  let complaint = "";
  /** What the fields held when the hand came to one: the other one stays, wherever the eigenvalue goes meanwhile. */
  let held = { modulus: "", angle: "" };

  function show() {
    const chosen = hand.chosen();
    writeHidden(element, !chosen);
    writeText(problem, complaint || (scene.refused && scene.refused.op !== "set" ? scene.refused.message : ""));
    if (!chosen) return;
    // While numbers are typed they are what the hand means, which the picture follows.
    const [re, im] = (!hand.isDragging() && hand.place()) || chosen;
    const degrees = (Math.atan2(im, re) * 180) / Math.PI;
    if (document.activeElement !== modulus) modulus.value = String(Number(Math.hypot(re, im).toFixed(4)));
    if (document.activeElement !== angle) angle.value = String(Number(degrees.toFixed(2)));
    const condition = hand.condition(chosen);
    writeText(kappa, condition === null ? "–" : plain(condition, 2));
    writeText(spoken, `eigenvalue of modulus ${plain(Math.hypot(re, im), 4)} and angle ${plain(degrees, 4)} degrees`);
  }

  for (const input of [modulus, angle]) {
    input.addEventListener("focus", () => (held = { modulus: modulus.value, angle: angle.value }), { signal });
    input.addEventListener("input", () => {
      const texts = input === modulus ? [modulus.value, held.angle] : [held.modulus, angle.value];
      const [r, theta] = texts.map((text) => (text.trim() === "" ? NaN : Number(text.replace("−", "-").replace(",", "."))));
      const isFit = r !== undefined && theta !== undefined && Number.isFinite(theta) && Number.isFinite(r) && r >= 0 && r <= 1e6;
      input.setAttribute("aria-invalid", String(!isFit));
      complaint = isFit ? "" : `eigenvalue: got modulus “${texts[0]?.slice(0, 12)}”, angle “${texts[1]?.slice(0, 12)}”; expected numbers, the modulus 0 or more.`;
      if (isFit) hand.type(() => fromPolar(r, theta));
      show();
    }, { signal });
    input.addEventListener("blur", () => {
      input.removeAttribute("aria-invalid");
      complaint = "";
      show();
    }, { signal });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") panel.body.focus();
    }, { signal });
  }
  store.subscribe((change) => change === "view" && scene.loop.mark("eigenvalues.hand"), signal);
  return {
    show,
    /** The chosen eigenvalue's modulus into the hand. */
    take() {
      show();
      modulus.focus();
      modulus.select();
    },
  };
}

/** @param {number} modulus @param {number} degrees @returns {[number, number]} exactly real at 0° and 180° */
function fromPolar(modulus, degrees) {
  const isReal = degrees % 180 === 0;
  const radians = (degrees * Math.PI) / 180;
  return [modulus * Math.cos(radians), isReal ? 0 : modulus * Math.sin(radians)];
}
