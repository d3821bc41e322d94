/** What hangs from a summary in the masthead: it closes on Escape and on a press elsewhere. */

/** @param {HTMLDetailsElement} details @param {AbortSignal} signal */
export function closeOnLeaving(details, signal) {
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    details.querySelector("summary")?.focus();
  }, { signal });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !details.contains(target)) details.open = false;
  }, { signal });
}
