/**
 * How an embed opens: with what stood in this frame when its slide was left, else with its link and
 * the lesson of its options. A deck unloads a frame by taking its address away and brings it back
 * with the old one; what the frame itself keeps across that is its name. No storage is needed, and
 * a deck that is loaded anew starts with what was prepared.
 */
import { embed, isFramed } from "./options.js";

const MARK = "rhoscope 1 ";
/** A frame's name is no place for a whole file of weights. */
const MOST_CHARS = 50_000;

/** The address as it was asked for, before anything was changed. */
const source = globalThis.location?.href ?? "";
const asked = source ? new URL(source).hash : "";

/** The hash that this embed was made with, to go back to. */
export const sourceHash = () => withLesson(asked);

/** The hash with the lesson of the options, where it names none. @param {string} hash */
function withLesson(hash) {
  const { lesson, step } = embed?.options ?? {};
  if (!lesson || /(^#?|&)lesson=/.test(hash)) return hash;
  const parts = [hash.replace(/^#/, ""), `lesson=${lesson}`, ...(step ? [`step=${step}`] : [])];
  return `#${parts.filter(Boolean).join("&")}`;
}

function kept() {
  if (!window.name.startsWith(MARK)) return null;
  const [from, hash] = window.name.slice(MARK.length).split(" ");
  return from === source && hash?.startsWith("#") ? hash : null;
}

/** Remembers what stands here as long as the frame does. @param {string} hash */
export function keep(hash) {
  const mine = window.name === "" || window.name.startsWith(MARK);
  if (!embed || !isFramed || !mine) return;
  const text = `${MARK}${source} ${hash}`;
  window.name = hash !== sourceHash() && text.length <= MOST_CHARS ? text : "";
}

/** What stood here before, where something did. */
const before = embed && isFramed ? kept() : null;

/** Whether this opens with another thing than what was prepared. */
export const isBroughtBack = before !== null;

// Before anything reads the address.
if (embed) {
  const hash = before ?? sourceHash();
  document.documentElement.style.setProperty("--scale", String(embed.options.scale));
  if (hash !== location.hash) history.replaceState(history.state, "", hash || location.href.split("#")[0]);
}
