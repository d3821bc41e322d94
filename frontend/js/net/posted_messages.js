/**
 * The socket's messages over HTTP: each is posted, and its answer brings the same letters as they
 * come. As on a socket the newest message wins, and each ends in one `done` or `error`.
 */
import { problemOf } from "./greeting.js";
import { LetterReader } from "./letters.js";

/** @typedef {{type: string, id: number}} Message */

/**
 * @typedef {object} PostedEvents
 * @property {(text: string) => void} onText
 * @property {(frame: ArrayBuffer) => void} onFrame
 * @property {(why: import("./socket.js").Circumstance) => void} onClose
 */

export class PostedMessages {
  isOpen = true;
  #url;
  #events;
  /** The message that is being answered. @type {{id: number, abort: AbortController} | null} */
  #asked = null;

  /** @param {string} socketUrl @param {PostedEvents} events */
  constructor(socketUrl, events) {
    this.#url = socketUrl.replace(/^ws/, "http");
    this.#events = events;
  }

  /** @param {object} message */
  send(message) {
    const { type, id } = /** @type {Message} */ (message);
    if (type === "cancel") {
      if (this.#asked?.id === id) this.#giveUp("cancelled");
      return;
    }
    this.#giveUp("superseded");
    const asked = { id, abort: new AbortController() };
    this.#asked = asked;
    void this.#post(asked, JSON.stringify(message));
  }

  close() {
    this.isOpen = false;
    this.#asked?.abort.abort();
    this.#asked = null;
  }

  /** Closing the connection is what stops a run; its end is said here. @param {"cancelled" | "superseded"} status */
  #giveUp(status) {
    if (!this.#asked) return;
    const { id, abort } = this.#asked;
    this.#asked = null;
    abort.abort();
    // Not at once: what comes from a server never comes before the call that asked has returned.
    queueMicrotask(() => this.isOpen && this.#events.onText(JSON.stringify({ type: "done", id, status })));
  }

  /** @param {{id: number, abort: AbortController}} asked @param {string} body */
  async #post(asked, body) {
    const isCurrent = () => this.#asked === asked;
    try {
      const answer = await fetch(this.#url, { method: "POST", body, headers: { "Content-Type": "application/json" }, signal: asked.abort.signal });
      if (!answer.ok || !answer.body) {
        const text = await answer.text();
        if (isCurrent()) this.#refuse(asked.id, text);
        return;
      }
      const letters = new LetterReader();
      const reader = answer.body.getReader();
      while (isCurrent()) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const letter of letters.push(value)) {
          if (isCurrent()) this.#take(letter);
        }
      }
      // An answer without an end: whoever gave it is gone.
      if (isCurrent()) this.#lose("");
    } catch {
      if (isCurrent()) this.#lose("");
    }
  }

  /** @param {string | ArrayBuffer} letter */
  #take(letter) {
    if (typeof letter !== "string") return this.#events.onFrame(letter);
    this.#asked = null; // the only text is the end
    this.#events.onText(letter);
  }

  /** @param {number} id @param {string} text */
  #refuse(id, text) {
    const problem = problemOf(text);
    const refused = problem ? null : errorIn(text);
    if (!refused) return this.#lose(problem);
    this.#asked = null;
    this.#events.onText(JSON.stringify({ ...refused, id }));
  }

  /** @param {import("./socket.js").Circumstance} why */
  #lose(why) {
    this.close();
    this.#events.onClose(why);
  }
}

/** The server's own refusal of a message; null where somebody else has answered. @param {string} text @returns {object | null} */
function errorIn(text) {
  try {
    const found = JSON.parse(text);
    return found?.type === "error" ? found : null;
  } catch {
    return null;
  }
}
