/** Fingers: one that comes down on something to hold moves that, anywhere else it scrolls the page. */

/** A finger hides what it points at: it takes what is this near. */
export const FINGER_PX = 22;

/** @param {PointerEvent} event */
export const isFinger = (event) => event.pointerType === "touch";

/**
 * Keeps the page still under a finger that holds something; its pointerdown has come before.
 * @param {HTMLElement} element @param {() => boolean} isHeld @param {AbortSignal} signal
 */
export function holdStill(element, isHeld, signal) {
  element.addEventListener("touchstart", (event) => {
    if (isHeld() && event.cancelable) event.preventDefault();
  }, { signal, passive: false });
}
