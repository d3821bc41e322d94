/** What hangs from a summary: it closes on Escape, on a press elsewhere, and when Tab has left it, for it would hide what the focus is on. */

/** @param {HTMLDetailsElement} details @param {AbortSignal} signal */
export function closeOnLeaving(details, signal) {
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    details.querySelector("summary")?.focus();
  }, { signal });
  details.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !details.contains(relatedTarget)) details.open = false;
  }, { signal });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !details.contains(target)) details.open = false;
  }, { signal });
}
