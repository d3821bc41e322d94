/** What becomes of a run: a picture when it is whole; where it doesn't get there, the one before, and a word why. */
import { holdsRefused, refusalOf } from "../state/edits.js";
import { isSame } from "../state/experiment.js";
import { decodeLink } from "../state/link.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("../net/wire.js").ErrorMessage} ErrorMessage */
/** What scripts and tests may know of the page. @typedef {{picturesPainted: number, runsReceived: number, painted: object | null, compared: object[], version: string}} Truth */

/**
 * @typedef {object} Parts
 * @property {import("../render/scene.js").Scene} scene
 * @property {Truth} truth
 * @property {ReturnType<typeof import("./messages.js").mountMessages>} messages
 * @property {ReturnType<typeof import("./progress.js").mountProgress>} progress
 * @property {ReturnType<typeof import("./controls.js").mountControls>} controls
 * @property {{settle: () => void, ask: (hash: string) => void}} files
 * @property {ReturnType<typeof import("../embed/embed.js").mountEmbed>} embedded
 * @property {{disturb: () => void}} resting
 * @property {() => void} onFirstPicture
 * @property {() => void} forget  what was asked last is to be asked again
 */

/** @param {Parts} parts */
export function outcomes({ scene, truth, messages, progress, controls, files, embedded, resting, onFirstPicture, forget }) {
  const { store, loop } = scene;
  let isOpeningInstead = false;

  /** @param {import("../net/run.js").Run} run @param {readonly import("../net/flight.js").Compared[]} compared */
  function whole(run, compared) {
    if (!isOpeningInstead) messages.problem("");
    files.settle();
    // What was refused is said until something else is tried.
    if (scene.refused && !isSame(scene.refused.standing, run.experiment)) scene.refused = null;
    isOpeningInstead = false;
    controls.clearRefusals();
    progress.hide();
    scene.show(run, compared);
    scene.keep();
    embedded?.whole();
    if (!scene.isAtRest) resting.disturb();
    loop.markAll();
    loop.afterNextFrame(() => {
      if (scene.run !== run) return;
      if (truth.picturesPainted++ === 0) onFirstPicture();
      embedded?.painted();
      truth.painted = run.done?.experiment ?? null;
      truth.compared = compared.map(({ kind, run: other, problem }) => ({ kind, problem, experiment: other?.done?.experiment ?? null }));
    });
  }

  /** @param {ErrorMessage} error @param {Experiment | null} experiment that was asked for, where it is known */
  function refused(error, experiment) {
    if (error.code === "busy" && !experiment) return; // the line says it
    if (experiment && takeBack(error, experiment)) return;
    // What is no longer wished needs no word: the newer wish is on its way.
    if (experiment && scene.whole && !isSame(experiment, store.experiment)) return;
    if (error.code === "unknown_file" && typeof error.got === "string") {
      giveUp("");
      return files.ask(error.got);
    }
    if (experiment) controls.explain(error.field, error.message);
    if (experiment && !scene.whole) void openInstead(error.message);
    else giveUp(error.message);
  }

  /** An operation that can't be: the matrix stays as it was, and beside what was moved the page says why. @param {ErrorMessage} error @param {Experiment} experiment */
  function takeBack(error, experiment) {
    const painted = scene.whole?.experiment ?? null;
    const refusal = refusalOf(error, experiment, painted);
    const op = refusal?.edits.at(-1)?.op;
    if (!refusal || !op) return false;
    // The hand may have moved on: then the newer place is on its way.
    const isPresent = holdsRefused(store.experiment, refusal);
    store.retract(refusal, painted);
    scene.refused = { op, message: error.message, standing: (isPresent ? null : painted) ?? store.experiment };
    if (!painted) messages.remark(`${error.message} This operation of the link was left out.`);
    progress.hide();
    scene.bringBack();
    loop.markAll();
    return true;
  }

  /** A run that did not get to its end leaves the one before it on the screen. @param {string} reason */
  function giveUp(reason) {
    progress.hide();
    embedded?.failed("refused", reason);
    forget();
    scene.bringBack();
    messages.problem(reason && scene.whole ? `${reason} The panels show the last whole run.` : reason);
    loop.markAll();
    resting.disturb();
  }

  /** Where the page's very first Experiment can't be run here, it still opens: with the opening view. @param {string} reason */
  async function openInstead(reason) {
    isOpeningInstead = true;
    const { experiment } = await decodeLink("");
    messages.problem(`${reason} The opening view is shown instead.`);
    store.replace(experiment, { label: "opening view" });
  }

  return { whole, refused, giveUp };
}
