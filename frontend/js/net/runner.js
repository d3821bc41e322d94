/**
 * Keeps one flight under way, a run and those that it is compared with, and the newest wish waiting,
 * so that a drag never starves and nothing stale is painted. Runs are a pure function of the Experiment and the window: after a lost
 * connection the newest wish is simply sent again.
 */
import { difference } from "../state/experiment.js";
import { Flight } from "./flight.js";
import { Standing } from "./run.js";
import { readFrame } from "./tensors.js";

/** @typedef {import("./wire.js").Done} Done */
/** @typedef {import("./wire.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./wire.js").Hello} Hello */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {readonly import("./wish.js").Omissible[]} Omit */
/** @typedef {{kind: import("../state/compare.js").ComparedKind, name: string, experiment: Experiment, omit: Omit}} ComparedWish */
/** @typedef {{experiment: Experiment, window: import("./run.js").Window, omit: Omit, compared: readonly ComparedWish[]}} Wish */

/**
 * @typedef {object} RunnerEvents
 * @property {(run: Run, compared: readonly import("./flight.js").Compared[]) => void} onWhole  a run is complete, and all that it is compared with
 * @property {(run: Run, place: number) => void} onStates  all states are here, the gradients are on their way; place 0 is the main run
 * @property {(flight: Flight) => void} onProgress  a slow one has more to show
 * @property {() => void} onStopped            the flight was cancelled
 * @property {(error: ErrorMessage, experiment: Experiment | null) => void} onError
 * @property {import("./socket.js").SocketEvents["onState"]} onState
 * @property {(hello: Hello) => void} onHello
 */

/** A flight whose present run is older than this gives way to a newer wish, and shows what it has meanwhile. */
const PATIENCE_MS = 250;

export class Runner {
  /** Complete runs received, for scripts and tests. */
  received = 0;
  #events;
  #socket;
  #nextId = 1;
  /** @type {Flight | null} */
  #flight = null;
  /** @type {Wish | null} */
  #waiting = null;
  /** @type {Wish | null} the newest wish ever, for the day the server comes back */
  #newest = null;
  #standing = new Standing();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #impatience;

  /** @param {import("./socket.js").Stream} stream @param {RunnerEvents} events @param {AbortSignal} signal */
  constructor(stream, events, signal) {
    this.#events = events;
    this.#socket = stream.open(
      {
        onText: (text) => this.#onText(JSON.parse(text)),
        onFrame: (buffer) => this.#onFrame(buffer),
        onState: (state, circumstance) => this.#onState(state, circumstance),
      },
      signal,
    );
    signal.addEventListener("abort", () => clearTimeout(this.#impatience), { once: true });
  }

  get isBusy() {
    return this.#flight !== null;
  }

  /** The newest wish replaces any that waits. @param {Wish} wish */
  request(wish) {
    this.#newest = wish;
    this.#waiting = wish;
    this.#pump();
  }

  /** Stops the flight; what is on the screen stays. */
  cancel() {
    this.#waiting = null;
    if (this.#flight) this.#socket.send({ type: "cancel", id: this.#flight.current.id });
  }

  retry() {
    this.#socket.retry();
  }

  #pump() {
    const wish = this.#waiting;
    if (!wish || !this.#socket.isOpen) return;
    if (this.#flight) {
      const age_ms = performance.now() - this.#flight.current.sentAt_ms;
      if (age_ms < PATIENCE_MS) {
        this.#impatience ??= setTimeout(() => {
          this.#impatience = undefined;
          this.#pump();
        }, PATIENCE_MS - age_ms);
        return;
      }
    }
    this.#waiting = null;
    this.#flight = new Flight(wish, this.#nextId++);
    this.#send(this.#flight.main);
  }

  /** @param {Run} run */
  #send({ id, experiment, omit, window, hasView }) {
    this.#socket.send({ type: "run", id, experiment: difference(experiment), split_weights: true, omit, ...(hasView ? { view: window } : {}) });
  }

  /** @param {Hello | Done | ErrorMessage} message */
  #onText(message) {
    if (message.type === "hello") return this.#events.onHello(message);
    const flight = this.#flight;
    if (!flight || message.id !== flight.current.id) {
      if (message.type === "error") this.#events.onError(message, null);
      return;
    }
    if (message.type === "error" && !flight.isOfMain) {
      flight.refuse(message);
      this.#goOn(flight);
    } else if (message.type === "error") {
      this.#flight = null;
      this.#events.onError(message, flight.main.experiment);
    } else if (message.status === "complete") {
      flight.current.done = message;
      if (flight.isOfMain) flight.main.standing = this.#standing.copy();
      this.received += 1;
      this.#goOn(flight);
    } else {
      this.#flight = null;
      if (message.status === "cancelled") this.#events.onStopped();
    }
    this.#pump();
  }

  /** One run of a flight has ended. @param {Flight} flight */
  #goOn(flight) {
    const next = flight.next(this.#nextId);
    if (next) {
      this.#nextId += 1;
      this.#send(next);
      return;
    }
    this.#flight = null;
    this.#events.onWhole(flight.main, flight.compared);
  }

  /** @param {ArrayBuffer} buffer */
  #onFrame(buffer) {
    const frame = readFrame(buffer);
    // A standing frame counts whatever run it came with: the server won't send it again.
    if (this.#standing.take(frame)) return;
    const flight = this.#flight;
    const run = flight?.current;
    if (!flight || !run || frame.metadata.id !== String(run.id)) return;
    run.take(frame);
    if (performance.now() - run.sentAt_ms > PATIENCE_MS / 2) {
      if (flight.isOfMain) run.standing = this.#standing.copy();
      this.#events.onProgress(flight);
    } else if (frame.metadata.kind === "states" && run.statesEnd === run.columns) this.#events.onStates(run, flight.place);
  }

  /** @param {import("./socket.js").SocketState} state @param {import("./socket.js").Circumstance} circumstance */
  #onState(state, circumstance) {
    this.#flight = null;
    if (state === "open") {
      this.#standing = new Standing();
      this.#waiting ??= this.#newest;
    }
    this.#events.onState(state, circumstance);
    this.#pump();
  }
}
