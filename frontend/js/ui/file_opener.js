/** A file comes in: dropped anywhere, or chosen by a button or a key. What it holds is shown before anything changes. */
import { FileProblem, lookUp, upload } from "../net/files.js";

/** @typedef {import("../net/files.js").FoundFile} FoundFile */

/** What the server reads; a browser greys out the rest. */
const ACCEPTED = ".safetensors,.npz,.npy,.json,.csv,.txt";

/**
 * @param {object} parts
 * @param {() => number} parts.largestBytes  what the server takes
 * @param {(text: string) => void} parts.say  a problem, or nothing
 * @param {(found: FoundFile, name: string) => void} parts.take  a file is on the server, and this is what it holds
 * @param {AbortSignal} signal
 */
export function mountFileOpener({ largestBytes, say, take }, signal) {
  const chooser = document.createElement("input");
  Object.assign(chooser, { type: "file", accept: ACCEPTED, hidden: true });
  chooser.className = "file-chooser";
  const curtain = document.createElement("div");
  curtain.className = "drop-curtain";
  curtain.hidden = true;
  curtain.textContent = "Drop a trained network (safetensors, npz, JSON) or an input (CSV, npy, JSON)";
  document.body.append(chooser, curtain);

  /** @param {readonly File[]} files */
  async function send(files) {
    const [file] = files;
    if (!file) return;
    if (files.length > 1) return say(`One file at a time: got ${files.length}; expected one.`);
    if (file.size > largestBytes()) return say(`${file.name} is too large: got ${file.size} bytes; expected at most ${largestBytes()}. Start the server with --max-upload-bytes to raise the limit.`);
    say("");
    try {
      take(await upload(file), file.name);
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      say(`${file.name}: ${error.message}`);
    }
  }

  chooser.addEventListener("change", () => {
    void send([...(chooser.files ?? [])]);
    chooser.value = ""; // the same file may be chosen again
  }, { signal });

  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  window.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    curtain.hidden = false;
  }, { signal });
  window.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) curtain.hidden = true;
  }, { signal });
  window.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    curtain.hidden = true;
    void send([...(event.dataTransfer?.files ?? [])]);
  }, { signal });

  return {
    choose: () => chooser.click(),
    /** What a link's file holds; null where this server hasn't got it. @param {string} hash @returns {Promise<FoundFile | null>} */
    async known(hash) {
      try {
        return await lookUp(hash);
      } catch (error) {
        if (!(error instanceof FileProblem)) throw error;
        return null;
      }
    },
  };
}
