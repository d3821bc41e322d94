/** An offline file from the server: how far it is while it is made, and its size before it is written. */
import { difference } from "../state/experiment.js";
import { FileProblem, request } from "./files.js";

/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {{rho_values: string, over: string, views: string, title: string, live: string, max_bytes: number}} LectureWish */
/** @typedef {{file: Blob, contains: readonly string[]}} Lecture */

/**
 * @param {Experiment} experiment @param {string} hash what is on the screen @param {LectureWish} wish
 * @param {(done: number, of: number, bytes: number) => void} onProgress @param {AbortSignal} signal  stops it, on the server too
 * @returns {Promise<Lecture>}
 */
export async function makeLecture(experiment, hash, wish, onProgress, signal) {
  const body = JSON.stringify({ experiment: difference(experiment), hash, ...wish });
  const answer = await request("api/lecture", { method: "POST", body, signal, headers: { "Content-Type": "application/json" } });
  const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (answer.body).getReader();
  let unread = new Uint8Array(0);
  for (;;) {
    const end = unread.indexOf(10);
    if (end < 0) {
      const { value, done } = await reader.read();
      if (done) throw new FileProblem("The server broke off before the file was there. Try again.");
      unread = joined(unread, value);
      continue;
    }
    const told = JSON.parse(new TextDecoder().decode(unread.subarray(0, end)));
    unread = unread.slice(end + 1);
    if (told.type === "error") throw new FileProblem(told.message);
    if (told.size === undefined) onProgress(told.done, told.of, told.bytes);
    else return { file: await fileOf(reader, unread, told.size), contains: told.contains };
  }
}

/** The rest of the answer. @param {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>} reader @param {Uint8Array<ArrayBuffer>} first @param {number} size */
async function fileOf(reader, first, size) {
  const parts = [first];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
  }
  const file = new Blob(parts, { type: "text/html" });
  if (file.size !== size) throw new FileProblem(`The file is cut off: got ${file.size} bytes; expected ${size}. Try again.`);
  return file;
}

/** @param {Uint8Array<ArrayBuffer>} first @param {Uint8Array<ArrayBuffer>} second */
function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
