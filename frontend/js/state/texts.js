/** What T and D follow from a text. */
import { generates } from "./forms.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {{count: number, vocabulary_size: number}} Counted */

/**
 * The sizes that fit a text: a step for every token, and one-hot a component for each different one. Room that a
 * hand has made for more of them stays; so do the steps that a network generates after the text.
 * @param {Experiment} before @param {Experiment} wished with what is new of its input
 * @param {Counted} counted of its text @param {Counted | null} known of the text before, where that was one
 * @returns {Record<string, number>}
 */
export function sizesFor(before, wished, { count, vocabulary_size: size }, known) {
  const { input, generation: { after }, steps, cell: { input_size: D } } = before;
  const was = input.kind === "text" ? known : null;
  /** @type {Record<string, number>} */
  const sizes = {};
  const isOther = !was || input.text !== wished.input.text || input.tokens !== wished.input.tokens;
  if (isOther) sizes.steps = count;
  if (isOther && was && after !== null && generates(before) && steps > was.count) {
    sizes.steps = count + steps - was.count;
    if (after === was.count) sizes["generation.after"] = count;
  }
  // Weights that were brought along have their own D.
  const isFree = wished.input.embedding === "one_hot" && wished.weights.file === null;
  const isOwn = was !== null && input.embedding === "one_hot" && D > was.vocabulary_size;
  if (isFree && D !== size && !(isOwn && D >= size)) sizes["cell.input_size"] = size;
  return sizes;
}
