/** One WebSocket, from its opening to its end. One that ends unheard has failed: something is in its way. */

/**
 * @typedef {object} ConnectionEvents
 * @property {() => void} onOpen
 * @property {() => void} onHeard  the first word has come
 * @property {(text: string) => void} onText
 * @property {(frame: ArrayBuffer) => void} onFrame
 * @property {(reason: string) => void} onClose  it worked, and is over
 * @property {() => void} onFailure  it never worked, or said nothing for too long
 */

export class SocketConnection {
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  #isOver = false;

  /** @param {string} url @param {ConnectionEvents} events @param {number} patience_ms until its first word */
  constructor(url, { onOpen, onHeard, onText, onFrame, onClose, onFailure }, patience_ms) {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let isHeard = false;
    /** @param {() => void} say */
    const finish = (say) => {
      if (this.#isOver) return;
      this.close();
      say();
    };
    this.#patience = setTimeout(() => finish(onFailure), patience_ms);
    socket.onopen = () => !this.#isOver && onOpen();
    socket.onmessage = ({ data }) => {
      if (this.#isOver) return;
      if (!isHeard) {
        isHeard = true;
        clearTimeout(this.#patience);
        onHeard();
      }
      if (typeof data === "string") onText(data);
      else onFrame(data);
    };
    socket.onclose = ({ reason }) => finish(() => (isHeard ? onClose(reason) : onFailure()));
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** @param {object} message */
  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#patience);
    this.#socket.close();
  }
}
