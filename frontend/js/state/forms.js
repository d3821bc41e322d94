/** The forms of one network: where its outputs and losses sit, and what of a document follows from that. */

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {"many_to_one" | "many_to_many" | "generation"} Form */

/** @type {ReadonlyArray<{form: Form, name: string, says: string}>} */
export const FORMS = Object.freeze([
  { form: "many_to_one", name: "many-to-one", says: "the sequence gives one output, and one loss" },
  { form: "many_to_many", name: "many-to-many", says: "an output and a loss at every step" },
  { form: "generation", name: "generation", says: "what comes out goes in: x at t + 1 is y at t" },
]);

/** What a form says of an experiment. @param {Experiment} experiment */
export function wordsFor(experiment) {
  const form = formOf(experiment);
  if (form === "generation" && !generates(experiment)) return `nothing is fed back: all ${experiment.steps} steps are given`;
  return FORMS.find((each) => each.form === form)?.says ?? "";
}

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
  const changes = generation(before, wished);
  const O = Number(changes["cell.output_size"] ?? wished.cell.output_size);
  if (!fitsTarget(before, wished, O)) changes["loss.target"] = null;
  // Numbers that were given for another D can't drive this one.
  if ("cell.input_size" in changes && ["values", "file"].includes(wished.input.kind)) changes["input.kind"] = "impulse";
  return changes;
}

/** What is fed back has the size of the input, and comes from one layer of a recurrent cell. @param {Experiment} before @param {Experiment} wished @returns {Record<string, unknown>} */
function generation(before, { cell, generation: { after } }) {
  if (after === null) return {};
  if (cell.kind === "attention") return { "generation.after": null };
  // Whichever came last stands, and the size that moved last leads.
  if (cell.layers > 1 && before.generation.after !== null) return { "generation.after": null };
  return {
    ...(cell.layers > 1 ? { "cell.layers": 1 } : {}),
    ...(cell.input_size === cell.output_size ? {} : cell.output_size === before.cell.output_size ? { "cell.output_size": cell.input_size } : { "cell.input_size": cell.output_size }),
  };
}

/** Whether a target, of numbers or of classes, of each step or of all, is one still. @param {Experiment} before @param {Experiment} wished @param {number} O */
function fitsTarget(before, { loss: { kind, target }, steps }, O) {
  if (target === null) return true;
  if (kind !== before.loss.kind) return false;
  if (Array.isArray(target) && steps !== before.steps && (kind === "cross_entropy" || Array.isArray(target[0]))) return false;
  if (kind === "cross_entropy") return [target].flat().every((each) => Number(each) < O);
  return O === before.cell.output_size;
}
