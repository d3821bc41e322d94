/**
 * A recording with the surface of the socket: every message is answered as the server would, with
 * its own frames, as the files of safetensors that they were. What is not recorded is refused.
 */

/** @typedef {import("./recording.js").Recording} Recording */
/** @typedef {import("./recording.js").PackedFrame} PackedFrame */
/** @typedef {{type: string, id: number, experiment?: object, omit?: readonly string[], wants?: readonly string[]}} Asked */

/** What is left out together with a tensor. @type {Readonly<Record<string, readonly string[]>>} */
const LEFT_OUT_WITH = Object.freeze({ W_hh: ["W_hh_drawn", "W_hh_scale", "W_qkv"], eigenvalues: ["closed_loop_eigenvalues"] });
/** Frames that stand until another of their kind is sent. */
const STANDING = new Set(["weights", "matrix", "inputs", "tokens", "spectrum", "closed_loop"]);

export const NOT_RECORDED = "This is recorded: open the live page to change it.";

export class RecordedSocket {
  isOpen = false;
  #recording;
  #events;
  #signal;
  /** The message that is being answered. */
  #active = -1;
  /** What stands, by kind: which frame, and what of it was left out. @type {Map<string, string>} */
  #sent = new Map();

  /** @param {Recording} recording @param {import("./socket.js").SocketEvents} events @param {AbortSignal} signal */
  constructor(recording, events, signal) {
    this.#recording = recording;
    this.#events = events;
    this.#signal = signal;
    // As a socket: whoever opens it is told once he has it in hand.
    queueMicrotask(() => {
      if (signal.aborted) return;
      this.isOpen = true;
      events.onState("open", "");
      events.onText(JSON.stringify(recording.index.hello));
    });
  }

  /** Nothing can be gone here. */
  retry() {}

  /** @param {object} message */
  send(message) {
    const asked = /** @type {Asked} */ (message);
    if (asked.type === "cancel") return this.#cancel(asked.id);
    this.#active = asked.id;
    void this.#answer(asked);
  }

  /** @param {number} id */
  #cancel(id) {
    if (this.#active !== id) return;
    this.#active = -1;
    this.#events.onText(JSON.stringify({ type: "done", id, status: "cancelled" }));
  }

  /** @param {Asked} asked */
  async #answer(asked) {
    const { id, type, experiment = {} } = asked;
    const [want = ""] = asked.wants ?? [];
    const run = type === "run" ? this.#recording.run(experiment) : null;
    if (run?.error) return this.#say({ ...run.error, id });
    const blobs = run ? run.blobs : type === "analyse" ? this.#blobsOf(want, experiment, asked) : undefined;
    if (!blobs) return this.#refuse(id, "not_found", type === "run" ? NOT_RECORDED : notRecorded(want));
    try {
      const found = await Promise.all(blobs.map((number) => this.#recording.blob(number)));
      if (this.#signal.aborted || this.#active !== id) return;
      found.forEach(({ frames }, k) => frames.forEach((frame, n) => this.#sendFrame(frame, `${blobs[k]} ${n}`, asked)));
      const done = found.at(-1)?.done;
      this.#say({ ...done, id });
    } catch {
      if (!this.#signal.aborted && this.#active === id) this.#refuse(id, "internal", "This part of the file is damaged and can't be shown. Download or copy it again.");
    }
  }

  /** @param {string} want @param {object} experiment @param {object} asked */
  #blobsOf(want, experiment, asked) {
    const entry = this.#recording.analysis(want, experiment, { ...asked });
    return entry ? [entry.blob] : undefined;
  }

  /** @param {PackedFrame} frame @param {string} source which it is @param {Asked} asked */
  #sendFrame(frame, source, { id, omit = [] }) {
    const left = new Set(omit.flatMap((name) => [name, ...(LEFT_OUT_WITH[name] ?? [])]));
    const tensors = frame.tensors.filter(({ name }) => !left.has(name));
    if (!tensors.length) return;
    if (STANDING.has(frame.kind)) {
      const what = `${source} ${tensors.map(({ name }) => name).join()}`;
      if (this.#sent.get(frame.kind) === what) return;
      this.#sent.set(frame.kind, what);
    }
    this.#events.onFrame(fileOf({ ...frame, tensors }, id));
  }

  /** @param {number} id @param {string} code @param {string} message */
  #refuse(id, code, message) {
    this.#say({ type: "error", id, code, message, field: null, got: null, expected: null });
  }

  /** The end of what is being answered. @param {object} message */
  #say(message) {
    this.#active = -1;
    this.#events.onText(JSON.stringify(message));
  }
}

/** @param {string} want */
const notRecorded = (want) => (want === "jacobian" ? "J_t is recorded at one step alone: open the live page to see it at every one." : "This view is not recorded: open the live page to see it.");

/** A frame as the server sends it: a safetensors file. @param {PackedFrame} frame @param {number} id @returns {ArrayBuffer} */
export function fileOf({ kind, t0, t1, texts, tensors }, id) {
  // float64 first, so that every tensor starts on a multiple of its item's size.
  const ordered = [...tensors].sort((a, b) => Number(b.dtype === "F64") - Number(a.dtype === "F64"));
  /** @type {Record<string, object>} */
  const header = { __metadata__: { id: String(id), kind, t0: String(t0), t1: String(t1), ...texts } };
  let end = 0;
  for (const { name, dtype, shape, data } of ordered) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = 8 * Math.ceil(text.length / 8);
  const file = new Uint8Array(8 + padded + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.fill(32, 8, 8 + padded);
  file.set(text, 8);
  let at = 8 + padded;
  for (const { data } of ordered) {
    file.set(data, at);
    at += data.length;
  }
  return file.buffer;
}
