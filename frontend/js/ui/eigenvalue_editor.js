/** The eigenvalue in hand as numbers: modulus and angle to type, its condition number, and why a move was refused. */
import { plain, typable } from "../render/format.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { editsOf } from "../state/edits.js";
import { typedNumber } from "../state/fields.js";
import { markLive } from "./keyboard.js";
import { refusalWords } from "./refusals.js";

const LARGEST_MODULUS = 1e6;
/** A larger condition number is as good as infinite, and takes the room of a sentence. */
const LARGEST_CONDITION = 1e6;

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
  markLive(modulus);
  markLive(angle);
  /** What is typed is no number. */
  let complaint = "";
  let isTyping = false;
  let isOwnChange = false;
  /** What the fields held when the hand came to one: the other one stays, wherever the eigenvalue goes meanwhile. */
  let held = { modulus: "", angle: "" };

  function show() {
    const chosen = hand.chosen();
    writeHidden(element, !chosen);
    const refused = scene.refused?.op === "eigenvalue" ? scene.refused.message : "";
    const split = splitWords();
    writeText(problem, complaint || (refused && refusalWords(refused)) || split);
    writeAttribute(problem, "title", complaint ? "" : refused);
    problem.classList.toggle("field-problem", !split || Boolean(complaint || refused));
    if (!chosen) return;
    // While numbers are typed they are what the hand means, which the picture follows.
    const [re, im] = (!hand.isDragging() && hand.place()) || chosen;
    const degrees = (Math.atan2(im, re) * 180) / Math.PI;
    // Typed numbers stand as they are typed; an undo meanwhile takes them away.
    if (document.activeElement !== modulus || !isTyping) writeValue(modulus, typable(Math.hypot(re, im), 6));
    if (document.activeElement !== angle || !isTyping) writeValue(angle, String(Number(degrees.toFixed(2))));
    const condition = hand.condition(chosen);
    writeText(kappa, condition === null ? "–" : condition > LARGEST_CONDITION ? "> 10⁶" : plain(condition, 2));
    writeText(spoken, `eigenvalue of modulus ${plain(Math.hypot(re, im), 4)} and angle ${plain(degrees, 4)} degrees`);
  }

  /** A pair on the real axis can't be in one place: what was typed is not quite what stands. */
  function splitWords() {
    const last = isTyping ? editsOf(store.experiment, "W_hh").at(-1) : null;
    if (last?.op !== "eigenvalue" || !last.half_gap) return "";
    return `On the real axis a pair parts, or it would be one double eigenvalue: ${plain(last.to[0] - last.half_gap, 4)} and ${plain(last.to[0] + last.half_gap, 4)}.`;
  }

  for (const input of [modulus, angle]) {
    input.addEventListener("focus", () => (held = { modulus: modulus.value, angle: angle.value }), { signal });
    input.addEventListener("input", () => {
      const texts = input === modulus ? [modulus.value, held.angle] : [held.modulus, angle.value];
      const [r = NaN, theta = NaN] = texts.map(typedNumber);
      const isFit = Number.isFinite(theta) && r >= 0 && r <= LARGEST_MODULUS;
      input.setAttribute("aria-invalid", String(!isFit));
      complaint = isFit ? "" : `eigenvalue: got modulus “${texts[0]?.slice(0, 12)}”, angle “${texts[1]?.slice(0, 12)}”; expected numbers, the modulus from 0 to ${LARGEST_MODULUS}.`;
      isTyping = true;
      isOwnChange = true;
      if (isFit) hand.type(fromPolar(r, theta));
      isOwnChange = false;
      show();
    }, { signal });
    input.addEventListener("blur", () => {
      input.removeAttribute("aria-invalid");
      complaint = "";
      show();
    }, { signal });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      if (isTyping) hand.end(event.key === "Escape");
      isTyping = false;
      panel.body.focus();
    }, { signal });
  }
  // Both numbers of a place are one step.
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (!isTyping || (relatedTarget instanceof Node && element.contains(relatedTarget))) return;
    isTyping = false;
    hand.end();
    show();
  }, { signal });
  store.subscribe((change) => {
    if (change === "view") return scene.loop.mark("eigenvalues.hand");
    if (!isOwnChange && !store.isRetracting) isTyping = false;
  }, signal);
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

/** Writing the same text would move the caret. @param {HTMLInputElement} input @param {string} text */
function writeValue(input, text) {
  if (input.value !== text) input.value = text;
}

/** @param {number} modulus @param {number} degrees @returns {[number, number]} exactly real at 0° and 180° */
function fromPolar(modulus, degrees) {
  const isReal = degrees % 180 === 0;
  const radians = (degrees * Math.PI) / 180;
  return [modulus * Math.cos(radians), isReal ? 0 : modulus * Math.sin(radians)];
}
