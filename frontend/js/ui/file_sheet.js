/** What was found in a file that somebody brought, and the choice of what to do with it. */
import { valueAt } from "../state/experiment.js";

/** @typedef {import("../net/wire.js").FoundFile} FoundFile */
/** @typedef {import("../net/wire.js").FoundLayer} FoundLayer */
/** @typedef {import("../net/wire.js").FoundTensor} FoundTensor */
/** @typedef {import("../state/store.js").Store} Store */
/** @typedef {{name: string, title: string, detail: string, problem: string, tensors: readonly FoundTensor[], changes: Readonly<Record<string, unknown>>}} Choice */

const COUNT = new Intl.NumberFormat("en");

/** @param {HTMLDialogElement} dialog @param {Store} store @param {AbortSignal} signal */
export function mountFileSheet(dialog, store, signal) {
  dialog.innerHTML = `<form method="dialog">
      <h2 id="file-sheet-title"></h2><p class="file-remark"></p><div class="file-choices"></div><div class="file-left-out"></div>
      <menu><button value="" type="submit">cancel</button><button value="open" type="submit" class="primary">open</button></menu>
    </form>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (dialog.querySelector(selector));
  const [title, remark, list, leftOut] = [find("h2"), find(".file-remark"), find(".file-choices"), find(".file-left-out")];
  const open = /** @type {HTMLButtonElement} */ (find("button.primary"));
  /** @type {readonly Choice[]} */
  let choices = [];
  let fileName = "";

  dialog.addEventListener("close", () => {
    const chosen = /** @type {HTMLInputElement | null} */ (list.querySelector("input:checked"));
    const choice = choices[Number(chosen?.value)];
    if (dialog.returnValue !== "open" || !choice) return;
    store.edit({ ...choice.changes, ...whatNoLongerFits(store, choice.changes) }, { label: `opened ${fileName}` });
    store.look({ t: 1, span: null, cell: null, corner: null, eigenvalue: null });
  }, { signal });

  /** @param {Choice} choice @param {number} k @param {boolean} isChosen */
  function row({ name, title: words, detail, problem, tensors }, k, isChosen) {
    const element = document.createElement("div");
    element.className = "file-choice";
    element.innerHTML = `<label><input type="radio" name="choice" value="${k}" ${problem ? "disabled" : ""} ${isChosen ? "checked" : ""}><b></b> <span class="file-words"></span> <span class="file-detail"></span></label><p class="field-problem"></p><details><summary></summary></details><table></table>`;
    const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
    part("b").textContent = words;
    part(".file-words").textContent = name;
    part(".file-detail").textContent = detail;
    part(".field-problem").textContent = problem;
    const table = part("table");
    table.append(...tensors.map(tensorRow));
    if (!tensors.length) table.remove();
    // What can't be opened need not be read line by line.
    part("summary").textContent = `${tensors.length} tensors`;
    if (tensors.length && problem) part("details").append(table);
    else part("details").remove();
    return element;
  }

  return {
    /** @param {FoundFile} found @param {string} name of the file @param {string} [note] */
    show(found, name, note = "") {
      fileName = name;
      const networks = [...found.stacks, ...found.layers];
      choices = [...networks.map(layerChoice), ...inputChoice(found, store)];
      const usable = choices.map(({ problem }, k) => (problem ? -1 : k)).filter((k) => k >= 0);
      const isWhole = (found.stacks[0] && !found.stacks[0].problem) ?? false;
      const first = isWhole ? 0 : usable.filter((k) => k < networks.length).at(-1) ?? usable[0];
      title.textContent = name;
      remark.textContent = note || (usable.length ? "" : "Nothing in this file can be opened here; the network stays as it is.");
      list.replaceChildren(...choices.map((choice, k) => row(choice, k, k === first)));
      leftOut.textContent = found.left_out.length ? `Left out: ${found.left_out.map((tensor) => `${tensor.name} ${shapeWords(tensor.shape)}`).join(", ")}.` : "";
      open.disabled = usable.length === 0;
      dialog.returnValue = "";
      if (!dialog.open) dialog.showModal();
      /** @type {HTMLElement | null} */ (list.querySelector("input:checked") ?? dialog.querySelector("menu button"))?.focus({ preventScroll: true });
      dialog.scrollTop = 0;
    },
  };
}

/** @param {FoundLayer} layer @returns {Choice} */
function layerChoice({ name, module, input_size: D, hidden_size: H, output_size: O, tensors, problem, changes }) {
  const sizes = [D === null || D === undefined ? "x drawn" : `x (${D})`, `h (${H})`, O === null || O === undefined ? "y drawn" : `y (${O})`];
  return { name: `${name}, of ${module}`, title: "Network", detail: sizes.join(" → "), problem: problem ?? "", tensors, changes };
}

/** @param {FoundFile} found @param {Store} store @returns {Choice[]} */
function inputChoice({ input }, store) {
  if (!input) return [];
  const { cell, weights } = store.experiment;
  const hasOtherSize = weights.file !== null && cell.input_size !== input.input_size;
  const problem = hasOtherSize ? `The loaded network takes D = ${cell.input_size} inputs a step; this file has ${input.input_size}.` : "";
  const batch = input.batch_size > 1 ? `, B = ${COUNT.format(input.batch_size)}` : "";
  return [{ name: "x", title: "Input", detail: `T = ${COUNT.format(input.steps)}, D = ${input.input_size}${batch}`, problem, tensors: [], changes: input.changes }];
}

/** @param {FoundTensor} tensor */
function tensorRow({ name, shape, dtype, symbol }) {
  const row = document.createElement("tr");
  for (const text of [name || "(no name)", shapeWords(shape), dtype, symbol ? `→ ${symbol}` : ""]) row.insertCell().textContent = text;
  return row;
}

/** @param {readonly number[]} shape */
const shapeWords = (shape) => `[${shape.join(", ")}]`;

/**
 * Numbers that were given for other sizes make room.
 * @param {Store} store @param {Readonly<Record<string, unknown>>} changes @returns {Record<string, unknown>}
 */
function whatNoLongerFits({ experiment }, changes) {
  const isOther = (/** @type {string} */ path) => path in changes && changes[path] !== valueAt(experiment, path);
  const hasNumbers = ["values", "file"].includes(experiment.input.kind) && !("input.kind" in changes);
  return {
    ...(isOther("cell.input_size") && hasNumbers ? { "input.kind": "impulse" } : {}),
    ...(isOther("cell.hidden_size") && experiment.initial_state.kind === "values" ? { "initial_state.kind": "zeros" } : {}),
    ...(isOther("cell.output_size") && experiment.loss.target !== null ? { "loss.target": null } : {}),
  };
}
