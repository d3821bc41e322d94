/** A run, and after it those that it is held against: one picture, which is whole when all are there. */
import { Run } from "./run.js";

/** @typedef {import("./runner.js").Wish} Wish */
/** @typedef {import("./wire.js").ErrorMessage} ErrorMessage */

/**
 * @typedef {object} Compared
 * @property {import("../state/compare.js").ComparedKind} kind
 * @property {string} name
 * @property {Run | null} run   null before its turn, and where it was refused
 * @property {string} problem   why it was refused, in a few words; "" where it was not
 * @property {string} reason    the server's whole sentence
 */

/** What is said where a refused run would have been. @type {Readonly<Record<string, string>>} */
const WORDS = Object.freeze({ over_limit: "over a limit of this server", busy: "the server is busy", internal: "the server failed", unknown_file: "its file is not here" });

/** A refusal in a few words. @param {ErrorMessage} error */
const refusalWord = ({ code, field }) => WORDS[code] ?? (field === "cell.kind" ? "not known to this server" : "not possible here");

export class Flight {
  startedAt_ms = performance.now();
  /** @type {Compared[]} in the order of the wish */
  compared;
  /** The run that is under way. @type {Run} */
  current;
  #wish;
  /** Runs that have come to their end. */
  #ended = 0;

  /** @param {Wish} wish @param {number} id of its main run */
  constructor(wish, id) {
    this.#wish = wish;
    this.main = new Run(id, wish.experiment, wish.window, wish.omit);
    this.current = this.main;
    this.compared = wish.compared.map(({ kind, name }) => ({ kind, name, run: null, problem: "", reason: "" }));
  }

  get isOfMain() {
    return this.current === this.main;
  }

  /** The place of the run that is under way: 0 is the main one. */
  get place() {
    return this.#ended;
  }

  /** What is here, of 1: states fill half of a run, gradients the other. */
  get share() {
    const { statesEnd, gradientsStart, columns } = this.current;
    const ofRun = this.#ended > this.compared.length ? 0 : (statesEnd + columns - gradientsStart) / (2 * columns);
    return (this.#ended + ofRun) / (1 + this.compared.length);
  }

  /** The server won't run what is under way: the others are not affected. @param {ErrorMessage} error */
  refuse(error) {
    const entry = this.compared[this.#ended - 1];
    if (entry) Object.assign(entry, { run: null, problem: refusalWord(error), reason: error.message });
  }

  /** The next run, once the one under way has ended; null where it was the last. @param {number} id @returns {Run | null} */
  next(id) {
    const [wish, entry] = [this.#wish.compared[this.#ended], this.compared[this.#ended]];
    this.#ended += 1;
    if (!wish || !entry) return null;
    this.current = entry.run = new Run(id, wish.experiment, this.#wish.window, wish.omit);
    return this.current;
  }
}
