/** Plotly takes a second to be read: it waits for the first picture, or for a server that doesn't answer. */

/** How long axes wait for the first picture. */
const PATIENCE_MS = 1500;

/**
 * @param {string} url
 * @param {{onLoad: () => void, onMissing: () => void, isPatient?: boolean}} events  isPatient: waits until it is called for
 * @param {AbortSignal} signal
 * @returns {(() => void) & {retry: () => void}} loads it now, the first time it is called; retry: where it was missing
 */
export function mountPlotlyLoader(url, { onLoad, onMissing, isPatient = false }, signal) {
  let isAsked = false;
  let isMissing = false;
  function load() {
    if (isAsked) return;
    isAsked = true;
    const script = document.createElement("script");
    script.src = url;
    script.addEventListener("load", onLoad, { signal, once: true });
    script.addEventListener("error", () => {
      isMissing = true;
      onMissing();
    }, { signal, once: true });
    document.head.append(script);
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
