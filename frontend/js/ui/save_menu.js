/** Out again: the link, code for a notebook or for PyTorch, the network and the run's arrays as files. */
import { exportAs, FileProblem } from "../net/files.js";
import { writeText } from "../render/write.js";
import { copy, download } from "./clipboard.js";
import { subjects, takePicture } from "./pictures.js";
import { closeOnLeaving } from "./popup.js";

/** @typedef {import("../net/files.js").ExportName} ExportName */

/** @type {ReadonlyArray<{does: "notebook" | "copy" | "save" | "lecture", name: ExportName | "", text: string, title: string}>} */
const ENTRIES = Object.freeze([
  { does: "notebook", name: "", text: "copy as notebook cell", title: "two lines of Python that load these arrays" },
  { does: "copy", name: "pytorch.py", text: "copy as PyTorch code", title: "a cell that rebuilds the network, runs it and asserts the same states" },
  { does: "copy", name: "pytorch-loop.py", text: "… as a loop of its cell", title: "the same with nn.RNNCell, nn.GRUCell or nn.LSTMCell" },
  { does: "copy", name: "pytorch-minimal.py", text: "… written by hand", title: "the same as a minimal class of a few lines" },
  { does: "save", name: "pytorch.py", text: "PyTorch code, .py", title: "the first as a file" },
  { does: "save", name: "network.safetensors", text: "network, .safetensors", title: "the weights under nn.RNN's names" },
  { does: "save", name: "run.npz", text: "all arrays, .npz", title: "every tensor of the run, the experiment, and the versions that made it" },
  { does: "save", name: "run.csv", text: "table, .csv", title: "a line for each step: norms, x, h, y" },
  { does: "lecture", name: "", text: "offline page, .html …", title: "one HTML file with recorded runs: opens from a disk and in a course, without a server" },
]);

/**
 * @param {HTMLElement} masthead @param {import("../render/scene.js").Scene} scene
 * @param {{link: () => Promise<string>, version: () => string, wantPlotly: () => Promise<void>}} page @param {{open: () => void}} lectures @param {AbortSignal} signal
 */
export function mountSaveMenu(masthead, scene, { link, version, wantPlotly }, lectures, signal) {
  const { store } = scene;
  const details = /** @type {HTMLDetailsElement} */ (masthead.querySelector("details.save"));
  details.innerHTML = `<summary title="code, network and arrays to take along">save</summary>
    <div class="popup save-body"><ul></ul><div class="picture-row"><label>picture of <select></select></label> <button type="button" data-format="png" title="1920 × 1080, with a line that says what it is">PNG</button><button type="button" data-format="svg" title="texts, lines and axes as vectors; what is painted, as an image in them">SVG</button></div><p role="status"></p></div>`;
  const list = /** @type {HTMLElement} */ (details.querySelector("ul"));
  const status = /** @type {HTMLElement} */ (details.querySelector("[role=status]"));
  const chooser = /** @type {HTMLSelectElement} */ (details.querySelector("select"));
  for (const entry of scene.recording ? [] : ENTRIES) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = entry.text;
    button.title = entry.title;
    button.addEventListener("click", () => void take(entry), { signal });
    row.append(button);
    list.append(row);
  }

  /** @param {typeof ENTRIES[number]} entry */
  async function take({ does, name, text }) {
    if (does === "lecture") {
      details.open = false;
      // The sheet gives the focus back to what had it, and a closed menu can't.
      details.querySelector("summary")?.focus();
      return lectures.open();
    }
    writeText(status, "…");
    try {
      if (does === "notebook") return await say(cellFor(await link()), "notebook cell");
      const content = await exportAs(/** @type {ExportName} */ (name), store.experiment);
      if (does === "copy") return await say(await content.text(), "PyTorch code");
      download(content, `rhoscope-${name}`);
      writeText(status, `${text.split(",")[0]}: saved as rhoscope-${name}`);
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      writeText(status, error.message);
    }
  }

  /** @param {string} text @param {string} what */
  async function say(text, what) {
    const isCopied = await copy(text);
    if (!isCopied) download(new Blob([text], { type: "text/x-python" }), "rhoscope-cell.py");
    writeText(status, isCopied ? `${what}: copied` : `the clipboard is closed here; saved as rhoscope-cell.py`);
  }

  /** What is on the screen now can be taken. */
  let offered = subjects();
  details.addEventListener("toggle", () => {
    writeText(status, "");
    offered = subjects();
    if (details.open) chooser.replaceChildren(...offered.map(({ name }, k) => new Option(name, String(k))));
  }, { signal });
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (details.querySelectorAll("[data-format]"))) button.addEventListener("click", async () => {
    const subject = offered[Number(chooser.value)];
    if (!subject) return;
    const saved = await takePicture(scene, subject.element, button.dataset.format === "svg" ? "svg" : "png", version(), wantPlotly);
    writeText(status, `picture: saved as ${saved}`);
  }, { signal });
  closeOnLeaving(details, signal);
}

/** @param {string} link */
export function cellFor(link) {
  return `from app.notebook import load\n\nrun = load(${JSON.stringify(link)})\nrun.arrays["h"].shape, run.versions\n`;
}
