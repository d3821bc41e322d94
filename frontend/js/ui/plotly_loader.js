/**
 * Plotly brings hover and zoom, and takes a second to be read: it comes when a pointer first comes
 * to a picture. Its file may be on this side of the line long before.
 */

/** A script of the server's. @param {string} url @returns {() => Promise<void>} */
export const scriptAt = (url) => () => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = url;
  script.addEventListener("load", () => resolve(), { once: true });
  script.addEventListener("error", () => reject(new Error(url)), { once: true });
  document.head.append(script);
});

/** Has the browser bring a file while it has nothing else to do: later there may be no line. @param {string} url */
export function bringAhead(url) {
  document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", as: "script", href: url }));
}

/**
 * @param {() => Promise<void>} script  loads it
 * @param {{onLoad: () => void, onMissing: () => void}} events
 * @param {AbortSignal} signal
 * @returns {(() => Promise<void>) & {retry: () => void}} loads it, the first time it is called, and says when it is there, or missing; retry: where it was missing
 */
export function mountPlotlyLoader(script, { onLoad, onMissing }, signal) {
  /** @type {Promise<void> | null} */
  let asked = null;
  let isMissing = false;
  const load = () => (asked ??= script().then(() => void (signal.aborted || onLoad()), () => {
    isMissing = true;
    if (!signal.aborted) onMissing();
  }));
  return Object.assign(load, {
    retry() {
      if (!isMissing) return;
      isMissing = false;
      asked = null;
      void load();
    },
  });
}
