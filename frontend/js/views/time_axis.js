/** What the panels over time have in common: their margins, the cursor, click to set t, drag to zoom. */

/** @typedef {import("../render/panel.js").PlotPanel} PlotPanel */
/** @typedef {import("../render/scene.js").Scene} Scene */

/** In em of the pictures' text. Left and right are the same in all of them, so their time axes agree to the pixel. */
export const TIME_MARGINS = Object.freeze({ left: 4.8, right: 1.2, top: 0.4, bottom: 3 });

const CLICK_SLACK_PX = 4;

/** @param {PlotPanel} panel @param {Scene} scene @param {AbortSignal} signal */
export function bindTimePanel(panel, scene, signal) {
  const { store } = scene;
  panel.onZoom = (range) => store.look({ span: range && spanWithin(scene.steps, range[0] - 0.5, range[1] - 0.5) });
  /** @type {[number, number] | null} */
  let pressed = null;
  panel.body.addEventListener("pointerdown", (event) => (pressed = [event.clientX, event.clientY]), { signal, capture: true });
  // Plotly moves the pointer's release onto a cover of its own during a drag: listen on the window.
  window.addEventListener("pointerup", (event) => {
    const start = pressed;
    pressed = null;
    if (!start || Math.hypot(event.clientX - start[0], event.clientY - start[1]) > CLICK_SLACK_PX) return;
    const under = panel.dataUnder(event);
    if (under) store.look({ t: Math.round(under[0]) });
  }, { signal, capture: true });
}

/**
 * The steps between two places on the axis: at least two of them, inside 0…T; null for all.
 * @param {number} T @param {number} low @param {number} high
 * @returns {[number, number] | null}
 */
export function spanWithin(T, low, high) {
  const t0 = Math.max(0, Math.min(Math.round(low), T - 2));
  const t1 = Math.min(T, Math.max(Math.round(high), t0 + 2));
  return t1 - t0 >= T ? null : [t0, t1];
}

/** Shows so many times the steps that are shown now, the cursor in the middle. @param {Scene} scene @param {number} factor */
export function zoomAroundCursor({ store, span: [t0, t1], steps }, factor) {
  const half = Math.max(1, ((t1 - t0) * factor) / 2);
  const middle = Math.min(Math.max(store.view.t, half), Math.max(half, steps - half));
  store.look({ span: spanWithin(steps, middle - half, middle + half) });
}
