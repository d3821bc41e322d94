/**
 * The socket and its coming back: one connection, reopened with growing pauses until it holds.
 * It knows nothing of runs.
 */

/** @typedef {"connecting" | "open" | "gone"} SocketState */

/**
 * @typedef {object} SocketEvents
 * @property {(text: string) => void} onText
 * @property {(frame: ArrayBuffer) => void} onFrame
 * @property {(state: SocketState, reason: string) => void} onState
 */

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;

export class LiveSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  #pauseMs = FIRST_PAUSE_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #events;
  #url;

  /** @param {string} url @param {SocketEvents} events @param {AbortSignal} signal */
  constructor(url, events, signal) {
    this.#url = url;
    this.#events = events;
    signal.addEventListener("abort", () => this.#end(), { once: true });
    // A laptop that wakes or finds its network again shouldn't wait for the pause to end.
    globalThis.addEventListener?.("online", () => this.retry(), { signal });
    this.#open();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** @param {object} message */
  send(message) {
    if (this.isOpen) this.#socket?.send(JSON.stringify(message));
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
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#events.onState("open", "");
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#events.onText(data) : this.#events.onFrame(data));
    socket.onclose = ({ reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#events.onState("gone", reason);
      this.#timer = setTimeout(() => this.#open(), this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    };
  }

  #end() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
