/**
 * Keeps one run in flight and the newest wish waiting, so that a drag never starves and nothing
 * stale is painted. Runs are a pure function of the Experiment and the window: after a lost
 * connection the newest wish is simply sent again.
 */
import { difference } from "../state/experiment.js";
import { Run, Standing } from "./run.js";
import { readFrame } from "./tensors.js";
import { LiveSocket } from "./socket.js";

/** @typedef {import("./wire.js").Done} Done */
/** @typedef {import("./wire.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./wire.js").Hello} Hello */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {{experiment: Experiment, window: import("./run.js").Window, omit: readonly import("./wish.js").Omissible[]}} Wish */

/**
 * @typedef {object} RunnerEvents
 * @property {(run: Run) => void} onWhole     a run is complete
 * @property {(run: Run) => void} onStates    all states are here, the gradients are on their way
 * @property {(run: Run) => void} onProgress  a slow run has more to show
 * @property {() => void} onStopped            the run in flight was cancelled
 * @property {(error: ErrorMessage, experiment: Experiment | null) => void} onError
 * @property {(state: import("./socket.js").SocketState, reason: string) => void} onState
 * @property {(hello: Hello) => void} onHello
 */

/** A run older than this gives way to a newer wish, and shows what it has meanwhile. */
const PATIENCE_MS = 250;

export class Runner {
  /** Complete runs received, for scripts and tests. */
  received = 0;
  #events;
  #socket;
  #nextId = 1;
  /** @type {Run | null} */
  #inFlight = null;
  /** @type {Wish | null} */
  #waiting = null;
  /** @type {Wish | null} the newest wish ever, for the day the server comes back */
  #newest = null;
  #standing = new Standing();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #impatience;

  /** @param {string} url @param {RunnerEvents} events @param {AbortSignal} signal */
  constructor(url, events, signal) {
    this.#events = events;
    this.#socket = new LiveSocket(
      url,
      {
        onText: (text) => this.#onText(JSON.parse(text)),
        onFrame: (buffer) => this.#onFrame(buffer),
        onState: (state, reason) => this.#onState(state, reason),
      },
      signal,
    );
    signal.addEventListener("abort", () => clearTimeout(this.#impatience), { once: true });
  }

  get isBusy() {
    return this.#inFlight !== null;
  }

  /** The newest wish replaces any that waits. @param {Wish} wish */
  request(wish) {
    this.#newest = wish;
    this.#waiting = wish;
    this.#pump();
  }

  /** Stops the run in flight; what is on the screen stays. */
  cancel() {
    this.#waiting = null;
    if (this.#inFlight) this.#socket.send({ type: "cancel", id: this.#inFlight.id });
  }

  retry() {
    this.#socket.retry();
  }

  #pump() {
    const wish = this.#waiting;
    if (!wish || !this.#socket.isOpen) return;
    if (this.#inFlight) {
      const age_ms = performance.now() - this.#inFlight.sentAt_ms;
      if (age_ms < PATIENCE_MS) {
        this.#impatience ??= setTimeout(() => {
          this.#impatience = undefined;
          this.#pump();
        }, PATIENCE_MS - age_ms);
        return;
      }
    }
    this.#waiting = null;
    const { experiment, window, omit } = wish;
    const run = new Run(this.#nextId++, experiment, window, omit);
    this.#inFlight = run;
    this.#socket.send({ type: "run", id: run.id, experiment: difference(experiment), split_weights: true, omit, ...(run.hasView ? { view: window } : {}) });
  }

  /** @param {Hello | Done | ErrorMessage} message */
  #onText(message) {
    if (message.type === "hello") return this.#events.onHello(message);
    const run = this.#inFlight;
    const isCurrent = run !== null && message.id === run.id;
    if (message.type === "error") {
      const experiment = isCurrent ? run.experiment : null;
      if (isCurrent) this.#inFlight = null;
      this.#events.onError(message, experiment);
    } else if (isCurrent) {
      this.#inFlight = null;
      if (message.status === "complete") {
        run.done = message;
        run.standing = this.#standing.copy();
        this.received += 1;
        this.#events.onWhole(run);
      } else if (message.status === "cancelled") this.#events.onStopped();
    }
    if (isCurrent) this.#pump();
  }

  /** @param {ArrayBuffer} buffer */
  #onFrame(buffer) {
    const frame = readFrame(buffer);
    // A standing frame counts whatever run it came with: the server won't send it again.
    if (this.#standing.take(frame)) return;
    const run = this.#inFlight;
    if (!run || frame.metadata.id !== String(run.id)) return;
    run.take(frame);
    if (performance.now() - run.sentAt_ms > PATIENCE_MS / 2) {
      run.standing = this.#standing.copy();
      this.#events.onProgress(run);
    } else if (frame.metadata.kind === "states" && run.statesEnd === run.columns) this.#events.onStates(run);
  }

  /** @param {import("./socket.js").SocketState} state @param {string} reason */
  #onState(state, reason) {
    this.#inFlight = null;
    if (state === "open") {
      this.#standing = new Standing();
      this.#waiting ??= this.#newest;
    }
    this.#events.onState(state, reason);
    this.#pump();
  }
}
