/** The forms of one network: where its outputs and losses sit, and what of a document follows from that. */

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {"many_to_one" | "many_to_many" | "generation"} Form */

/** @type {ReadonlyArray<{form: Form, name: string, says: string}>} */
export const FORMS = Object.freeze([
  { form: "many_to_one", name: "many-to-one", says: "the sequence gives one output, and one loss" },
  { form: "many_to_many", name: "many-to-many", says: "an output and a loss at every step" },
  { form: "generation", name: "generation", says: "what comes out goes in: x at t + 1 is y at t" },
]);

/** Whether outputs are fed back within the run. @param {Experiment} experiment */
export const generates = ({ generation: { after }, steps }) => after !== null && after < steps;

/** @param {Experiment} experiment @returns {Form} */
export function formOf({ generation, loss }) {
  if (generation.after !== null) return "generation";
  return loss.at === "every" ? "many_to_many" : "many_to_one";
}

/** The fields that give a network a form. @param {Form} form @param {Experiment} experiment @returns {Record<string, unknown>} */
export function changesTo(form, { steps }) {
  if (form === "generation") return { "generation.after": Math.max(1, Math.floor(steps / 4)) };
  return { "generation.after": null, "loss.at": form === "many_to_many" ? "every" : "last" };
}

/**
 * What else has to change, so that the parts of a document fit one another.
 * @param {Experiment} before @param {Experiment} wished
 * @returns {Record<string, unknown>}
 */
export function consequences(before, wished) {
  const { cell, generation, loss } = wished;
  /** @type {Record<string, unknown>} */
  const changes = {};
  // A target is one of numbers or one of classes, of so many steps and outputs.
  if (loss.target !== null && (loss.kind !== before.loss.kind || wished.steps !== before.steps || cell.output_size !== before.cell.output_size)) changes["loss.target"] = null;
  if (generation.after === null) return changes;
  if (cell.layers > 1) {
    // Whichever came last stands.
    if (before.generation.after === null) changes["cell.layers"] = 1;
    else changes["generation.after"] = null;
  }
  if (cell.input_size !== cell.output_size && changes["generation.after"] !== null) {
    // What is fed back must have the size of the input; whichever moved last leads.
    if (cell.output_size !== before.cell.output_size) changes["cell.input_size"] = cell.output_size;
    else changes["cell.output_size"] = cell.input_size;
  }
  return changes;
}
