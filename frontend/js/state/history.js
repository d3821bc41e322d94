/** The steps of history as a list, and what becomes of them where the server refuses an operation. */
import { holdsRefused, inItsPlace, isOfSameThing, withInstead, wordsOf } from "./edits.js";
import { isSame } from "./experiment.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */

/**
 * One step, and the Experiment that it led to.
 * @typedef {object} Entry
 * @property {Experiment} experiment
 * @property {string} label
 * @property {string | null} merge  what follows with the same key belongs to the same step
 * @property {boolean} isTyped  what comes on the way to a number is nothing to fall back to
 * @property {number} lost  operations on weights that had no place any more
 * @property {readonly string[]} paths  the fields that it changed
 * @property {readonly Entry[]} undone  steps that could be redone before it, the next one last
 */

/**
 * The steps without a refused operation. Where the present step brought it, what was painted in its
 * place stands, as in a drag; otherwise what stood before. A step that is left with nothing goes.
 * @param {readonly Entry[]} entries oldest first @param {number} position of the present one
 * @param {import("./edits.js").Refusal} refusal @param {Experiment | null} painted
 * @returns {{entries: Entry[], position: number, isGone: boolean} | null} isGone: the present step was left with nothing
 */
export function withoutRefused(entries, position, refusal, painted) {
  const first = entries.findIndex(({ experiment }) => holdsRefused(experiment, refusal));
  const culprit = entries[first];
  if (!culprit) return null;
  const before = entries[first - 1];
  const earlier = before ? inItsPlace(before.experiment, refusal) : null;
  const shown = painted && inItsPlace(painted, refusal);
  const wasPainted = first === position && !culprit.isTyped && shown && isOfSameThing(shown, refusal);
  const mended = entries.map((entry) => {
    if (!holdsRefused(entry.experiment, refusal)) return entry;
    const instead = entry === culprit && wasPainted ? shown : earlier;
    const label = entry === culprit && wasPainted ? wordsOf(refusal.name, shown) : entry.label;
    return { ...entry, label, experiment: withInstead(entry.experiment, refusal, instead) };
  });
  const isEmpty = mended.map((entry, n) => {
    const previous = mended[n - 1];
    return previous !== undefined && entry !== entries[n] && isSame(entry.experiment, previous.experiment);
  });
  return {
    entries: mended.filter((_, n) => !isEmpty[n]),
    position: isEmpty.slice(0, position + 1).filter((each) => !each).length - 1,
    isGone: isEmpty[position] ?? false,
  };
}
