/** Folds and unrolls the network: a slider from the recursive picture to the unrolled one, and a button that moves it. */
import { writeAttribute, writeText } from "../render/write.js";

/** How long the whole way takes. */
const WAY_MS = 1100;

/**
 * @param {HTMLElement} element an empty one @param {import("../state/store.js").Store} store @param {AbortSignal} signal
 * @returns {{toggle: () => void}}
 */
export function mountUnrollControl(element, store, signal) {
  element.innerHTML = `<button type="button" class="unroll-button" title="the loop and its T copies (u)"></button>
    <input type="range" class="unroll-slider" min="0" max="1" step="0.01" aria-label="unroll: from the recursive picture to the unrolled network">`;
  const button = /** @type {HTMLButtonElement} */ (element.querySelector("button"));
  const slider = /** @type {HTMLInputElement} */ (element.querySelector("input"));
  /** @type {number | null} */
  let frame = null;
  let goal = 1;

  function toggle() {
    goal = isOpening() ? 0 : 1;
    // Who wants no motion gets the other picture at once.
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return store.look({ unroll: goal });
    const from = store.view.unroll;
    const begin_ms = performance.now();
    stop();
    /** @param {number} now_ms */
    const step = (now_ms) => {
      const share = Math.min(Math.max((now_ms - begin_ms) / (WAY_MS * Math.max(Math.abs(goal - from), 0.2)), 0), 1);
      frame = share < 1 ? requestAnimationFrame(step) : null;
      store.look({ unroll: from + (goal - from) * eased(share) });
      show();
    };
    frame = requestAnimationFrame(step);
    show();
  }

  function stop() {
    if (frame !== null) cancelAnimationFrame(frame);
    frame = null;
  }

  /** Where it is going, or where it stands. */
  const isOpening = () => (frame === null ? store.view.unroll > 0.5 : goal === 1);

  function show() {
    const { unroll } = store.view;
    writeText(button, isOpening() ? "fold" : "unroll");
    if (Math.abs(Number(slider.value) - unroll) > 0.005) slider.value = String(unroll);
    writeAttribute(slider, "aria-valuetext", unroll === 0 ? "folded" : unroll === 1 ? "unrolled" : `${Math.round(100 * unroll)} % unrolled`);
  }

  button.addEventListener("click", toggle, { signal });
  slider.addEventListener("input", () => {
    stop();
    store.look({ unroll: Number(slider.value) });
  }, { signal });
  store.subscribe(show, signal);
  signal.addEventListener("abort", stop, { once: true });
  show();
  return { toggle };
}

/** Slow at both ends. @param {number} share */
const eased = (share) => (share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2);
