/** Plotly takes a second to be read: it waits for the first picture, or for a server that doesn't answer. */

/** How long axes wait for the first picture. */
const PATIENCE_MS = 1500;

/** A script of the server's. @param {string} url @returns {() => Promise<void>} */
export const scriptAt = (url) => () => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = url;
  script.addEventListener("load", () => resolve(), { once: true });
  script.addEventListener("error", () => reject(new Error(url)), { once: true });
  document.head.append(script);
});

/**
 * @param {() => Promise<void>} script  loads it
 * @param {{onLoad: () => void, onMissing: () => void, isPatient?: boolean}} events  isPatient: waits until it is called for
 * @param {AbortSignal} signal
 * @returns {(() => void) & {retry: () => void}} loads it now, the first time it is called; retry: where it was missing
 */
export function mountPlotlyLoader(script, { onLoad, onMissing, isPatient = false }, signal) {
  let isAsked = false;
  let isMissing = false;
  function load() {
    if (isAsked) return;
    isAsked = true;
    script().then(() => signal.aborted || onLoad(), () => {
      isMissing = true;
      if (!signal.aborted) onMissing();
    });
  }
  const waiting = isPatient ? undefined : setTimeout(load, PATIENCE_MS);
  signal.addEventListener("abort", () => clearTimeout(waiting), { once: true });
  return Object.assign(load, {
    retry() {
      if (!isMissing) return;
      isMissing = isAsked = false;
      load();
    },
  });
}
