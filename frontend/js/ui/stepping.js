/** The arrow keys of a slider with a detent: their own steps walk through its hollow instead of sticking in it. */
import { hasModifier } from "./keyboard.js";

/** Keys that follow one another are one step of history; a pause ends it. */
const KEY_PAUSE_MS = 800;
const WAYS = Object.freeze({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 });

/**
 * @param {HTMLInputElement} slider @param {import("../state/store.js").Store} store
 * @param {(step: number) => void} take  a hundredth up or down, with shift a tenth
 * @param {AbortSignal} signal
 * @returns {(step: number) => void} the same by other keys
 */
export function bindSteps(slider, store, take, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pausing;

  /** @param {number} step */
  function nudge(step) {
    take(step);
    clearTimeout(pausing);
    pausing = setTimeout(() => store.endStep(), KEY_PAUSE_MS);
  }

  slider.addEventListener("keydown", (event) => {
    const way = WAYS[/** @type {keyof typeof WAYS} */ (event.key)];
    if (!way || hasModifier(event)) return;
    event.preventDefault();
    nudge(way * (event.shiftKey ? 0.1 : 0.01));
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(pausing), { once: true });
  return nudge;
}
