/** Where weights and input come from, if they were brought: the file's name, its layer, and the way back to a draw. */
import { writeHidden, writeText } from "../render/write.js";

/** @typedef {import("../net/files.js").FoundFile} FoundFile */

/**
 * @param {HTMLElement} form the controls
 * @param {import("../state/store.js").Store} store
 * @param {(hash: string) => Promise<FoundFile | null>} lookUp  what the server has under a hash
 * @param {AbortSignal} signal
 */
export function mountFileSource(form, store, lookUp, signal) {
  /** @type {Map<string, {name: string, found: FoundFile | null}>} by hash */
  const known = new Map();
  const element = document.createElement("div");
  element.className = "file-source";
  element.innerHTML = `
    <div class="file-weights" hidden><b>weights from</b> <span class="file-name"></span>
      <select aria-label="layer of the file"></select><button type="button" class="draw-weights" title="back to drawn weights">draw instead</button></div>
    <div class="file-input" hidden><b>input from</b> <span class="file-name"></span></div>`;
  form.prepend(element);
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const [weights, weightsName, layers] = [find(".file-weights"), find(".file-weights .file-name"), /** @type {HTMLSelectElement} */ (find("select"))];
  const [input, inputName] = [find(".file-input"), find(".file-input .file-name")];

  /** @param {string | null} hash */
  function nameOf(hash) {
    if (hash === null) return "";
    if (!known.has(hash)) {
      known.set(hash, { name: `file ${hash.slice(0, 8)}…`, found: null });
      // A link says the hash alone; what is in the file only the server knows.
      void lookUp(hash).then((found) => {
        const named = known.get(hash);
        if (!found) known.delete(hash);
        else if (named) named.found = found;
        if (found) show();
      });
    }
    return known.get(hash)?.name ?? "";
  }

  /** What of a file can be run: all layers of a module on top of one another, or one alone. @param {string | null} file */
  function choicesOf(file) {
    const found = file === null ? null : known.get(file)?.found;
    return found ? [...found.stacks, ...found.layers] : [];
  }

  function show() {
    const { cell, weights: { file, layer }, input: { kind, file: inputFile } } = store.experiment;
    writeHidden(weights, file === null);
    writeText(weightsName, nameOf(file));
    const found = choicesOf(file);
    writeHidden(layers, found.filter(({ problem }) => !problem).length < 2);
    const texts = found.map(({ name }) => name);
    if (texts.join("\n") !== [...layers.options].map(({ text }) => text).join("\n")) layers.replaceChildren(...texts.map((text, k) => new Option(text, String(k))));
    [...layers.options].forEach((option, k) => (option.disabled = Boolean(found[k]?.problem)));
    const chosen = String(found.findIndex(({ changes }) => changes["weights.layer"] === layer && changes["cell.layers"] === cell.layers));
    if (layers.value !== chosen) layers.value = chosen;
    writeHidden(input, kind !== "file");
    writeText(inputName, kind === "file" ? nameOf(inputFile) : "");
  }

  layers.addEventListener("change", () => {
    const layer = choicesOf(store.experiment.weights.file)[Number(layers.value)];
    if (layer) store.edit({ ...layer.changes }, { label: `${layer.name} of the file` });
  }, { signal });
  find(".draw-weights").addEventListener("click", () => store.edit({ "weights.file": null, "weights.layer": 0 }, { label: "drawn weights" }), { signal });
  store.subscribe((change) => change === "experiment" && show(), signal);
  show();
  return {
    /** @param {FoundFile} found @param {string} name */
    remember(found, name) {
      known.set(found.file, { name, found });
      show();
    },
  };
}
