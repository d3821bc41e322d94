/**
 * Plays only where somebody can see it: not in a hidden tab, not scrolled away, not on another
 * slide. What was stopped for that goes on when it is seen again.
 */

/**
 * @param {import("../state/store.js").Store} store
 * @param {{whenPainted: (task: () => void) => void, onUnseen: () => void, autoplay: "slide" | "always" | "never"}} parts @param {AbortSignal} signal
 */
export function mountPresence(store, { whenPainted, onUnseen, autoplay }, signal) {
  let isSeen = true;
  let isOnScreen = true;
  let goesOn = false;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  function look() {
    const wasSeen = isSeen;
    isSeen = isOnScreen && document.visibilityState === "visible";
    if (wasSeen === isSeen) return;
    if (isSeen && goesOn) store.look({ isPlaying: true });
    goesOn = !isSeen && store.view.isPlaying;
    if (goesOn) store.look({ isPlaying: false });
    if (!isSeen) onUnseen();
  }

  document.addEventListener("visibilitychange", look, { signal });
  const observer = new IntersectionObserver((entries) => {
    isOnScreen = entries.at(-1)?.isIntersecting ?? true; // a busy page hears of several at once
    look();
  });
  observer.observe(document.documentElement);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });

  /** By itself, and not by a hand: only where the reader has nothing against motion. */
  function play() {
    if (still.matches) return;
    whenPainted(() => {
      const { t } = store.view;
      const isAtEnd = t >= store.experiment.steps;
      if (isSeen) store.look({ isPlaying: true, ...(isAtEnd ? { t: 1 } : {}) });
      else goesOn = true;
    });
  }

  if (autoplay === "always") play();
  return {
    isSeen: () => isSeen,
    /** The slide that holds this is shown. */
    start: () => autoplay !== "never" && play(),
    /** It isn't any more. */
    stop() {
      goesOn = false;
      if (store.view.isPlaying) store.look({ isPlaying: false });
    },
  };
}
