/**
 * In a reveal.js deck: slides play and pause it, and after a click in the frame the deck's keys go
 * on to the deck, which would not hear them else. A key is the page's own only where a control has
 * the focus from the keyboard or holds typed text, and the space bar while it plays.
 */
import { hasModifier } from "../ui/keyboard.js";

/** Keys that move a deck, with the codes by which it knows them. @type {Readonly<Record<string, number>>} */
const CODES = Object.freeze({
  ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, PageUp: 33, PageDown: 34, " ": 32, Home: 36, End: 35, Escape: 27,
  b: 66, ".": 190, f: 70, o: 79, p: 80, s: 83,
});
/** Presenters' clickers send these, and no control may swallow them. */
const CLICKER = new Set(["PageUp", "PageDown"]);
/** What holds typed text, and what a slider moves by. */
const TYPED = "select, textarea, input:not([type=range], [type=checkbox], [type=radio])";
const MOVES = /^(Arrow|Page|Home|End)/;

/**
 * @param {import("../state/store.js").Store} store
 * @param {{start: () => void, stop: () => void}} presence
 * @param {(text: string) => void} post to the parent
 * @param {AbortSignal} signal
 * @returns {(data: unknown) => boolean} takes a message, if it is a deck's
 */
export function mountDeck(store, presence, post, signal) {
  let isKnown = false;
  let byKey = false;
  window.addEventListener("pointerdown", () => (byKey = false), { signal, capture: true });

  window.addEventListener("keydown", (event) => {
    if (event.key === "Tab") byKey = true;
    const code = CODES[event.key];
    if (code === undefined || hasModifier(event) || isOurs(event)) return;
    post(JSON.stringify(event.key === " " && event.shiftKey ? { method: "prev" } : { method: "triggerKey", args: [code] }));
    // Without a word from the parent it may be no deck at all: then the page has its keys as well.
    if (!isKnown) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { signal, capture: true });

  /** @param {KeyboardEvent} event */
  function isOurs({ key, target }) {
    if (document.querySelector("dialog[open]")) return true;
    if (key === " " && store.view.isPlaying) return true;
    if (!(target instanceof HTMLElement) || CLICKER.has(key) && !byKey) return false;
    if (key === "Escape" && target.closest("details[open]")) return true;
    if (target.matches(TYPED)) return !CLICKER.has(key);
    if (target.matches("button, a, summary, input")) return byKey && (key === " " || (target.matches("[type=range]") && MOVES.test(key)));
    return byKey && (target.matches("[role=application]") ? !CLICKER.has(key) : target.matches("[role=slider]") && MOVES.test(key));
  }

  return (data) => {
    if (data !== "slide:start" && data !== "slide:stop") return false;
    isKnown = true;
    if (data === "slide:start") presence.start();
    else presence.stop();
    return true;
  };
}
