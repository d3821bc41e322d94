/**
 * Measurements of time, on a socket of their own that is open as long as one is under way. What was
 * measured stays where one is stopped half-way.
 */
import { difference } from "../state/experiment.js";
import { readFrame } from "./tensors.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {"over_hidden_size" | "over_steps" | "attention_over_steps"} SeriesName */
/** Least and median seconds of so many runs. @typedef {{size: number, runs: number, forward: number, whole: number, forwardMedian: number, wholeMedian: number}} Point */
/** value = 10^log10_factor · size^exponent from the smallest size on. @typedef {{exponent: number, standard_error: number, log10_factor: number, smallest: number, count: number}} Law */
/** @typedef {{points: readonly Point[], forward: Law | null, whole: Law | null, local: readonly number[]}} Measured */

/**
 * @typedef {object} Measurement
 * @property {string} of        what decides the times, as `timedAs` says it
 * @property {Readonly<Record<SeriesName, readonly number[]>>} sizes  that will be timed
 * @property {number} visits    how many there are, and how many are done
 * @property {number} done
 * @property {"running" | "complete" | "stopped" | "refused"} status
 * @property {readonly string[]} said  by the server, or why it ended
 * @property {Readonly<Partial<Record<SeriesName, Measured>>>} series
 */

const SERIES = /** @type {const} */ (["over_hidden_size", "over_steps", "attention_over_steps"]);

/** What the times of an Experiment depend on: its sizes, not the numbers in its weights. @param {Experiment} experiment */
export function timedAs({ cell, steps, batch_size, dtype, loss, weights }) {
  return JSON.stringify([cell, steps, batch_size, dtype, loss.kind, loss.at, weights.file]);
}

export class Meter {
  #stream;
  #onChange;
  /** @type {{socket: import("./socket.js").Line, abort: AbortController} | null} */
  #line = null;
  /** @type {Measurement | null} what is under way, or was measured last */
  measurement = null;

  /** @param {import("./socket.js").Stream} stream @param {() => void} onChange @param {AbortSignal} signal */
  constructor(stream, onChange, signal) {
    this.#stream = stream;
    this.#onChange = onChange;
    signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  get isRunning() {
    return this.measurement?.status === "running";
  }

  /** @param {Experiment} experiment */
  start(experiment) {
    this.#close();
    this.measurement = { of: timedAs(experiment), sizes: { over_hidden_size: [], over_steps: [], attention_over_steps: [] }, visits: 0, done: 0, status: "running", said: [], series: {} };
    const abort = new AbortController();
    const message = { type: "measure", id: 1, experiment: difference(experiment) };
    const socket = this.#stream.open({
      onText: (text) => this.#onText(JSON.parse(text)),
      onFrame: (buffer) => this.#onFrame(readFrame(buffer)),
      onState: (state) => {
        if (state === "open") this.#line?.socket.send(message);
        // Times of two halves, with who knows what in between, would be no measurement.
        if (state === "gone") this.#end("stopped", ["The server is gone."]);
      },
    }, abort.signal);
    this.#line = { socket, abort };
    this.#onChange();
  }

  /** Stops what is under way; what was measured stays. @param {string} [why] */
  stop(why = "") {
    if (!this.isRunning) return;
    this.#line?.socket.send({ type: "cancel", id: 1 });
    this.#end("stopped", why ? [why] : []);
  }

  /** @param {"complete" | "stopped" | "refused"} status @param {readonly string[]} said */
  #end(status, said) {
    if (!this.measurement || !this.isRunning) return;
    this.measurement = { ...this.measurement, status, said };
    this.#close();
    this.#onChange();
  }

  #close() {
    this.#line?.abort.abort();
    this.#line = null;
  }

  /** @param {import("./wire.js").Hello | import("./wire.js").Done | import("./wire.js").ErrorMessage} message */
  #onText(message) {
    if (message.type === "error") this.#end("refused", [message.message]);
    else if (message.type === "done") this.#end(message.status === "complete" ? "complete" : "stopped", (message.notes ?? []).map(({ message: words }) => words));
  }

  /** @param {import("./tensors.js").Frame} frame */
  #onFrame({ metadata, tensors }) {
    if (!this.measurement || !this.isRunning) return;
    const numbers = (/** @type {string} */ name) => Array.from(tensors[name]?.data ?? []);
    const series = SERIES.find((name) => name === metadata.kind);
    if (metadata.kind === "measurement") {
      const sizes = { over_hidden_size: numbers("hidden_sizes"), over_steps: numbers("lengths"), attention_over_steps: numbers("attention_lengths") };
      this.measurement = { ...this.measurement, sizes, visits: numbers("visits")[0] ?? 0 };
    } else if (series) {
      const size = numbers(series === "over_hidden_size" ? "hidden_size" : "steps")[0] ?? NaN;
      const [forward, whole] = [numbers("forward_s").sort((a, b) => a - b), numbers("whole_s").sort((a, b) => a - b)];
      const middle = (/** @type {number[]} */ sorted) => ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
      const point = { size, runs: forward.length, forward: forward[0] ?? NaN, whole: whole[0] ?? NaN, forwardMedian: middle(forward), wholeMedian: middle(whole) };
      const others = (this.measurement.series[series]?.points ?? []).filter((each) => each.size !== size);
      const points = [...others, point].sort((a, b) => a.size - b.size);
      const measured = { points, forward: lawOf(numbers("fit_forward")), whole: lawOf(numbers("fit_whole")), local: numbers("local_forward") };
      this.measurement = { ...this.measurement, done: this.measurement.done + 1, series: { ...this.measurement.series, [series]: measured } };
    }
    this.#onChange();
  }
}

/** @param {readonly number[]} fit @returns {Law | null} */
function lawOf([exponent, standard_error, log10_factor, smallest, count]) {
  if (exponent === undefined || standard_error === undefined || log10_factor === undefined || smallest === undefined || count === undefined) return null;
  return { exponent, standard_error, log10_factor, smallest, count };
}
