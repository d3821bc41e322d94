/**
 * What the picture says, in a sentence for those who hear the page: the whole of it once the page
 * rests, and where the cursor stopped. While a hand drags or time plays nothing is said.
 */
import { powerOfTen } from "../render/format.js";
import { Rest } from "../render/loop.js";
import { andToken } from "../render/token_text.js";
import { writeText } from "../render/write.js";
import { survivalAt } from "../views/timeline.js";
import { gradientSentence, stateSentence } from "../views/verdict.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../render/scene.js").Scene} Scene */

/** A cursor that is held on its way says nothing. */
const STANDS_MS = 600;
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Signs as words: a voice leaves raised digits and × out. @param {string} text */
export function aloud(text) {
  return text
    .replace(/10([⁻⁺]?)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, sign, digits) => `10 to the ${sign === "⁻" ? "minus " : ""}${[...digits].map((digit) => RAISED.indexOf(digit)).join("")}`)
    .replace(/ · (?=10 to)/g, " times ")
    .replace(/×(?=\d)/g, "times ")
    .replace(/−(?=\d)/g, "minus ")
    .replace(/t = (?=\d)/g, "step ");
}

/** What the run comes to. @param {Scene} scene */
export function pictureSentence({ run, compared, store }) {
  const diagnosis = run?.done?.diagnosis;
  if (!run || !diagnosis) return "";
  const { experiment } = run;
  // Where the cursor stands at step 1 the next sentence says it.
  const first = run.T > 1 && run.window.t0 === 0 && store.view.t > 1 ? survivalAt(run, 1) : NaN;
  const others = compared.flatMap(({ name, run: other }) => (other?.done?.diagnosis ? [`${name}: ${gradientSentence(other.done.diagnosis, other.experiment)}`] : []));
  return aloud([
    gradientSentence(diagnosis, experiment),
    stateSentence(diagnosis, experiment),
    Number.isNaN(first) ? "" : `The gradient at step 1 is ${powerOfTen(first)} of the last.`,
    ...others,
  ].filter(Boolean).join(" "));
}

/** What stands at the cursor. @param {Scene} scene */
export function cursorSentence({ run, store: { view: { t } } }) {
  if (!run?.isWhole || t <= run.window.t0 || t > run.window.t1) return "";
  const parts = /** @type {Array<[string, number, string]>} */ ([
    ["the norm of the hidden state is", run.valueAt("log10_norm_h", t - 1), ""],
    ["that of its gradient", run.valueAt("log10_grad_h", t - 1), ""],
    ["which is", survivalAt(run, t), " of the last gradient"],
  ]).filter(([, log10]) => !Number.isNaN(log10));
  return aloud(`At step ${t}${andToken(run.tokenAt(t - 1))} ${parts.map(([before, log10, after]) => `${before} ${powerOfTen(log10)}${after}`).join(", ")}.`);
}

/** @param {HTMLElement} element a live region that is not seen @param {Scene} scene @param {AbortSignal} signal */
export function mountSpoken(element, scene, signal) {
  const { store } = scene;
  const root = document.documentElement;
  /** What a lesson has the class predict is not told. */
  const isAsked = () => Boolean(root.dataset.covers);
  const sayCursor = () => {
    if (!isAsked() && scene.isAtRest && !store.view.isPlaying) writeText(element, cursorSentence(scene));
  };
  const sayPicture = () => writeText(element, isAsked() ? "" : `${pictureSentence(scene)} ${cursorSentence(scene)}`.trim());
  const stands = new Rest(STANDS_MS, sayCursor, signal);
  let { t, isPlaying } = store.view;
  store.subscribe(() => {
    const { view } = store;
    if (view.t === t && view.isPlaying === isPlaying) return;
    ({ t, isPlaying } = view);
    if (!isPlaying) stands.disturb();
  }, signal);
  const observer = new MutationObserver(sayPicture);
  observer.observe(root, { attributeFilter: ["data-covers"] });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  return { rest: sayPicture };
}
