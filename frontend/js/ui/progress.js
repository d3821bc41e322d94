/** A line under the verdict while a long run is under way, with a way to stop it. */

import { writeHidden } from "../render/write.js";

const PATIENCE_MS = 300;

/** @param {HTMLElement} element @param {{onStop: () => void}} actions @param {AbortSignal} signal */
export function mountProgress(element, { onStop }, signal) {
  const bar = /** @type {HTMLElement} */ (element.querySelector("[role=progressbar]"));
  const fill = /** @type {HTMLElement} */ (bar.firstElementChild);
  element.querySelector("button")?.addEventListener("click", onStop, { signal });
  return {
    /** @param {import("../net/flight.js").Flight} flight */
    show({ startedAt_ms, share }) {
      if (performance.now() - startedAt_ms < PATIENCE_MS) return;
      writeHidden(element, false);
      bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
      fill.style.width = `${share * 100}%`;
    },
    hide: () => writeHidden(element, true),
  };
}
