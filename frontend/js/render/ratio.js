/** Pixels of a canvas for each CSS pixel: the screen's, or more while a picture is taken. */

/** @type {number | null} */
let forced = null;
/** @type {Set<() => void>} */
const listeners = new Set();

export const pixelRatio = () => forced ?? (globalThis.devicePixelRatio || 1);

/** @param {number | null} ratio null is the screen's again */
export function forceRatio(ratio) {
  forced = ratio;
  for (const listener of listeners) listener();
}

/** @param {() => void} listener @param {AbortSignal} signal */
export function onRatio(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
}
