/**
 * Messages from the page around this one. They may come before the page has read its own address:
 * a deck says that its slide has started as soon as the frame is loaded. So they are kept from the
 * first moment on, and handed over once somebody takes them.
 */
import { embed, isFramed } from "./options.js";

/** No parent has that much to say before the page is up. */
const MOST_WAITING = 100;

/** @type {MessageEvent[]} */
const waiting = [];
/** @type {((event: MessageEvent) => void) | null} */
let take = null;

if (embed && isFramed) {
  window.addEventListener("message", (event) => {
    // A frame's own frames, its siblings and its opener have no say.
    if (event.source !== window.parent) return;
    if (take) take(event);
    else if (waiting.length < MOST_WAITING) waiting.push(event);
  });
}

/** @param {(event: MessageEvent) => void} listener gets every message of the parent, also those that came before */
export function takeMessages(listener) {
  take = listener;
  for (const event of waiting.splice(0)) listener(event);
}
