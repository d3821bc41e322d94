/**
 * Motion and rest. While something moves only canvases are painted; once it rests, ranges may
 * shrink and Plotly gets the data, one panel a frame, so that no single task is long.
 */
import { Rest } from "../render/loop.js";

/** @typedef {{panel: import("../render/panel.js").PlotPanel | null, rest: () => void}} View */

const REST_MS = 350;

/**
 * @param {import("../render/scene.js").Scene} scene @param {readonly View[]} views
 * @param {() => boolean} isBusy  whether a run is still under way
 * @param {() => void} onRest
 * @param {AbortSignal} signal
 */
export function mountResting(scene, views, isBusy, onRest, signal) {
  let generation = 0;
  const rest = new Rest(REST_MS, settle, signal);

  // A hand that pauses with the knob between its fingers is still dragging.
  let isPressed = false;
  for (const name of ["pointerdown", "pointerup", "pointercancel"]) window.addEventListener(name, () => (isPressed = name === "pointerdown"), { signal, capture: true });

  function settle() {
    if (isPressed || isBusy()) return rest.disturb();
    if (!scene.run?.isWhole) return; // nothing to rest on: the next whole run disturbs again
    scene.isAtRest = true;
    scene.loop.markAll();
    handOver(views, ++generation);
    onRest();
  }

  /** @param {readonly View[]} left @param {number} mine */
  function handOver([view, ...left], mine) {
    scene.loop.afterNextFrame(() => {
      if (mine !== generation || !view) return;
      view.rest();
      view.panel?.setMoving(false);
      handOver(left, mine);
    });
  }

  return {
    disturb() {
      generation += 1;
      scene.isAtRest = false;
      for (const { panel } of views) panel?.setMoving(true);
      rest.disturb();
    },
  };
}
