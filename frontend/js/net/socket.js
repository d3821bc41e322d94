/**
 * The line to the server and its coming back: one connection, reopened with growing pauses until it
 * holds. A WebSocket, or, where the server can be reached and no WebSocket gets through, messages by
 * POST. It knows nothing of runs.
 */
import { greet } from "./greeting.js";
import { PostedMessages } from "./posted_messages.js";
import { SocketConnection } from "./socket_connection.js";

/**
 * Why a line is gone, or what an open one has to do without; "" where there is nothing to say.
 * @typedef {"" | "without_sockets" | "busy" | "sandboxed" | "forbidden_origin" | "forbidden_host"} Circumstance
 */
/** @typedef {"connecting" | "open" | "gone"} SocketState */

/**
 * @typedef {object} SocketEvents
 * @property {(text: string) => void} onText
 * @property {(frame: ArrayBuffer) => void} onFrame
 * @property {(state: SocketState, circumstance: Circumstance) => void} onState
 */

/**
 * What carries messages, whichever it is.
 * @typedef {object} Connection
 * @property {boolean} isOpen
 * @property {(message: object) => void} send
 * @property {() => void} close  without a word to anybody
 */

/**
 * Where runs and analyses come from: the server, or in a file without one its recording.
 * @typedef {object} Line
 * @property {boolean} isOpen
 * @property {(message: object) => void} send
 * @property {() => void} retry  tries at once instead of waiting for the pause to end
 */
/** @typedef {{open: (events: SocketEvents, signal: AbortSignal) => Line}} Stream */

/** The server at a web address. @param {string} url @returns {Stream} */
export const liveStream = (url) => Object.freeze({ open: (/** @type {SocketEvents} */ events, /** @type {AbortSignal} */ signal) => new LiveSocket(url, events, signal) });

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
/** Where somebody has to change something first. */
const SETTLED_PAUSE_MS = 30_000;
/** How long a socket may say nothing: proxies exist that swallow what they don't know. */
const SILENCE_MS = 6000;
/** The same of a server that has just shown that it is awake. */
const SHORT_SILENCE_MS = 2500;

/** What one line of this page has found out, the next one needn't. */
const known = { areSocketsDropped: false };

export class LiveSocket {
  /** @type {Connection | null} */
  #connection = null;
  #pauseMs = FIRST_PAUSE_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Sockets in a row that came to nothing although the server was there. */
  #failures = 0;
  #events;
  #url;
  #signal;

  /** @param {string} url of the socket @param {SocketEvents} events @param {AbortSignal} signal */
  constructor(url, events, signal) {
    this.#url = url;
    this.#events = events;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#end(), { once: true });
    // A laptop that wakes or finds its network again shouldn't wait for the pause to end.
    globalThis.addEventListener?.("online", () => this.retry(), { signal });
    this.#open();
  }

  get isOpen() {
    return this.#connection?.isOpen ?? false;
  }

  /** @param {object} message */
  send(message) {
    if (this.isOpen) this.#connection?.send(message);
  }

  /** Tries at once instead of waiting for the pause to end. */
  retry() {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #open() {
    this.#timer = undefined;
    this.#events.onState("connecting", "");
    if (known.areSocketsDropped) return void this.#askByPost();
    const { onText, onFrame } = this.#events;
    this.#connection = new SocketConnection(this.#url, {
      onText,
      onFrame,
      onOpen: () => this.#isUp(""),
      onHeard: () => (this.#failures = 0),
      onClose: (reason) => this.#lose(reason === "busy" ? "busy" : ""),
      onFailure: () => {
        this.#failures += 1;
        void this.#askByPost();
      },
    }, this.#failures === 0 ? SILENCE_MS : SHORT_SILENCE_MS);
  }

  /** No socket came about: is the server gone, or do only sockets not get through? */
  async #askByPost() {
    this.#connection = null;
    const { hello, problem } = await greet(this.#url, this.#signal);
    if (this.#signal.aborted) return;
    if (!hello) return this.#lose(problem);
    // Once is no proof: the server may have come up in between, or been slow to.
    if (this.#failures === 1) return this.#open();
    known.areSocketsDropped = true;
    const { onText, onFrame } = this.#events;
    this.#connection = new PostedMessages(this.#url, { onText, onFrame, onClose: (why) => this.#lose(why) });
    this.#isUp("without_sockets");
    onText(hello);
  }

  /** @param {Circumstance} circumstance */
  #isUp(circumstance) {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#events.onState("open", circumstance);
  }

  /** @param {Circumstance} why */
  #lose(why) {
    this.#connection = null;
    this.#failures = 0;
    known.areSocketsDropped = false; // what is in between may have changed too
    this.#events.onState("gone", why);
    if (this.#signal.aborted) return; // who heard it wants no other
    // By lot, so that a hall full of pages doesn't come back in one moment.
    const pause_ms = why === "" || why === "busy" ? this.#pauseMs : SETTLED_PAUSE_MS;
    this.#timer = setTimeout(() => this.#open(), pause_ms * (0.5 + Math.random()));
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #end() {
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = null;
  }
}
