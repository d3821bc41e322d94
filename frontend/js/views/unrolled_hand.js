/** Pointer and keys on the unrolled network: a state is chosen, walked from and let go; a condensed step is gone to. */
import { hasModifier } from "../ui/keyboard.js";
import { under } from "./unrolled_layout.js";

/** @typedef {import("../state/linked_view.js").Chosen} Chosen */

/**
 * @param {{element: HTMLElement, canvas: HTMLElement, button: HTMLElement}} parts the panel, its picture, and the button for the state at the cursor
 * @param {import("../state/store.js").Store} store
 * @param {{layout: () => import("./unrolled_layout.js").Layout | null, hasLoop: () => boolean, onHover: (step: number | null) => void}} picture
 * @param {AbortSignal} signal
 */
export function bindUnrolledHand({ element, canvas, button }, store, { layout, hasLoop, onHover }, signal) {
  /** @type {number | null} */
  let hovered = null;

  /** A cone is of the unrolled network. @param {Chosen | null} cone */
  const choose = (cone) => store.look({ cone, ...(cone && hasLoop() ? { unroll: 1 } : {}) });
  const toggle = () => choose(store.view.cone && layout() ? null : { t: store.view.t, layer: null });
  /** @param {MouseEvent} event */
  const foundAt = (event) => {
    const now = layout();
    return now && under(now, event.offsetX, event.offsetY);
  };

  button.addEventListener("click", toggle, { signal });
  canvas.addEventListener("click", (event) => {
    const found = foundAt(event);
    const { cone } = store.view;
    if (found?.kind === "ribbon") return store.look({ t: found.step, isPlaying: false, ...(cone ? { cone: { ...cone, t: found.step } } : {}) });
    choose(found ? { t: found.step, layer: found.layer } : null);
  }, { signal });
  canvas.addEventListener("pointermove", (event) => {
    const found = foundAt(event);
    canvas.style.cursor = found ? "pointer" : "";
    hover(found?.step ?? null);
  }, { signal });
  canvas.addEventListener("pointerleave", () => hover(null), { signal });

  /** @param {number | null} step */
  function hover(step) {
    if (hovered !== step) onHover((hovered = step));
  }

  canvas.addEventListener("keydown", (event) => {
    if (hasModifier(event)) return;
    if (event.key === "Enter") toggle();
    else if (store.view.cone && event.key.startsWith("Arrow")) walk(store.view.cone, event.key, event.shiftKey ? 10 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, { signal });
  // Wherever in the panel the focus is.
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !store.view.cone) return;
    event.stopPropagation();
    choose(null);
  }, { signal });

  /** From the chosen state to a neighbour, in time or among the layers; the cursor comes along. @param {Chosen} cone @param {string} key @param {number} by */
  function walk(cone, key, by) {
    const { steps, cell: { layers } } = store.experiment;
    const layer = Math.min(Math.max((cone.layer ?? layers - 1) + ({ ArrowUp: 1, ArrowDown: -1 }[key] ?? 0), 0), layers - 1);
    const t = Math.min(Math.max(cone.t + by * ({ ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0), 1), steps);
    store.look({ t, cone: { t, layer }, isPlaying: false });
  }
}
