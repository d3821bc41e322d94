/** W_hh as a matrix. A click on a cell, or typed indices, takes a weight in hand; typing, arrows and undo change it. */
import { plain } from "../render/format.js";
import { PlotPanel } from "../render/panel.js";
import { Raster } from "../render/raster.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { hasModifier } from "../ui/keyboard.js";

/** @typedef {import("../net/run.js").Run} Run */

const MAX_HOVER_CELLS = 70_000;
const ARROWS = Object.freeze({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] });

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: "Weights", margins: { left: 4.2, right: 1, top: 0.4, bottom: 3 }, isSquare: true,
    xaxis: { title: { text: "from unit j", standoff: 0 }, showgrid: false },
    yaxis: { title: { text: "to unit i", standoff: 0 }, showgrid: false }, integers: { x: 5, y: 5 }, hasOverlay: true,
  }, signal);
  panel.legend.innerHTML = `
    <span class="weight-editor">W<sub>hh</sub>[<input class="index" data-axis="i" inputmode="numeric" aria-label="row i of the weight, to unit" placeholder="i">,
    <input class="index" data-axis="j" inputmode="numeric" aria-label="column j of the weight, from unit" placeholder="j">] =
    <input class="weight" inputmode="decimal" aria-label="value of the weight" placeholder="click a cell" disabled></span>
    <span class="field-problem" role="alert"></span><span class="visually-hidden" role="status"></span>`;
  const inputs = [...panel.legend.querySelectorAll("input")];
  const [rowInput, columnInput, valueInput] = /** @type {[HTMLInputElement, HTMLInputElement, HTMLInputElement]} */ (/** @type {unknown} */ (inputs));
  const problem = /** @type {HTMLElement} */ (panel.legend.querySelector(".field-problem"));
  const spoken = /** @type {HTMLElement} */ (panel.legend.querySelector("[role=status]"));
  panel.body.tabIndex = 0;
  panel.body.setAttribute("role", "application");
  panel.body.setAttribute("aria-label", "weights W_hh: arrow keys choose a weight, Enter types its value");
  const raster = new Raster();
  /** @type {object | null} */
  let filled = null;
  let palette = scene.palette;
  let typical = 1;
  let isTyping = false;
  let isOwnChange = false;
  /** |W_hh| that gets the full colour. */
  let limit = 0;
  /** The edits to come back to when what is typed stops being a number. */
  let editsBefore = store.experiment.recurrent.edits;

  function drawMarks() {
    const { run } = scene;
    const weights = run?.W_hh;
    if (!run || !weights) return;
    const H = weights.shape[0] ?? 0;
    panel.setRanges([0.5, H + 0.5], [H + 0.5, 0.5]);
    panel.drawAxes();
    if (filled !== weights.data) typical = typicalLargest(weights.data) || 1;
    const wanted = scene.isAtRest ? typical : Math.max(limit, typical);
    if (filled !== weights.data || palette !== scene.palette || limit !== wanted) {
      limit = wanted;
      raster.fill(weights.data, H, H, limit, scene.palette);
      [filled, palette] = [weights.data, scene.palette];
      writeAttribute(panel.element, "title", `full colour at ±${plain(limit)}`);
    }
    panel.draw("marks", (context, area) => raster.paint(context, area.x, area.y, area.width, area.height));
    drawHand();
  }

  /** The chosen weight, and those edited before. */
  function drawHand() {
    const H = scene.run?.W_hh?.shape[0] ?? 0;
    const isEmpty = !store.view.cell && !store.experiment.recurrent.edits.length;
    if (panel.overlay) writeHidden(panel.overlay, isEmpty);
    if (isEmpty) return showHand();
    panel.draw("overlay", (context, area) => {
      const size = area.width / H;
      const frame = (/** @type {number} */ i, /** @type {number} */ j, /** @type {number} */ grow) =>
        context.strokeRect(area.x + j * size - grow, area.y + i * size - grow, size + 2 * grow, size + 2 * grow);
      context.strokeStyle = scene.palette.ink;
      context.lineWidth = 1;
      for (const { i, j } of store.experiment.recurrent.edits) frame(i, j, 0.5);
      const { cell } = store.view;
      if (!cell) return;
      context.lineWidth = 2;
      frame(cell.i, cell.j, Math.max(2, 4 - size / 2));
    });
    showHand();
  }

  function showHand() {
    const { cell } = store.view;
    if (valueInput.disabled !== !cell) valueInput.disabled = !cell;
    if (!cell) return;
    if (document.activeElement !== rowInput && rowInput.value !== String(cell.i + 1)) rowInput.value = String(cell.i + 1);
    if (document.activeElement !== columnInput && columnInput.value !== String(cell.j + 1)) columnInput.value = String(cell.j + 1);
    const text = String(Number(weightAt(cell.i, cell.j).toPrecision(6)));
    // Writing the same text would move the caret of whoever types.
    if (!isTyping && valueInput.value !== text) valueInput.value = text;
    writeText(spoken, `W_hh[${cell.i + 1}, ${cell.j + 1}] = ${text}`);
  }

  function takeInHand() {
    showHand();
    valueInput.focus();
    valueInput.select();
  }

  /** The newest edit of a weight stands before the run that carries it is back. @param {number} i @param {number} j */
  function weightAt(i, j) {
    const edit = store.experiment.recurrent.edits.findLast((each) => each.i === i && each.j === j);
    if (edit) return edit.value;
    const weights = scene.run?.W_hh;
    return weights?.data[i * (weights.shape[1] ?? 0) + j] ?? NaN;
  }

  /** @param {number} value */
  function setWeight(value) {
    const { cell } = store.view;
    if (!cell) return;
    const { i, j } = cell;
    const others = store.experiment.recurrent.edits.filter((each) => each.i !== i || each.j !== j);
    setEdits([...others, { op: "set", i, j, value }], `W_hh[${i + 1}, ${j + 1}] → ${plain(value)}`);
  }

  /** @param {typeof editsBefore} edits @param {string} label */
  function setEdits(edits, label) {
    isOwnChange = true;
    store.edit({ "recurrent.edits": edits }, { label, merge: mergeKey() });
    isOwnChange = false;
  }

  /** All that is typed into one weight is one step of history. */
  function mergeKey() {
    const { cell } = store.view;
    return `W_hh ${cell?.i} ${cell?.j}`;
  }

  valueInput.addEventListener("input", () => {
    isTyping = true;
    const value = readNumber(valueInput.value, store.experiment.dtype);
    problem.textContent = value === null ? `weight: got “${valueInput.value.slice(0, 20)}”; expected a finite number that fits ${store.experiment.dtype}.` : "";
    valueInput.setAttribute("aria-invalid", String(value === null));
    if (value !== null) setWeight(value);
    // On the way to a number that doesn't fit there may have been one that did (1e3 in 1e39).
    else setEdits(editsBefore, "weight");
  }, { signal });
  // Undo, a preset or another link: what was being typed is over.
  store.subscribe((change) => {
    if (change !== "experiment" || isOwnChange) return;
    isTyping = false;
    editsBefore = store.experiment.recurrent.edits;
    problem.textContent = "";
    valueInput.removeAttribute("aria-invalid");
  }, signal);
  valueInput.addEventListener("focus", () => (editsBefore = store.experiment.recurrent.edits), { signal });
  valueInput.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const { cell } = store.view;
      const step = (event.shiftKey ? 0.1 : 0.01) * typical * (event.key === "ArrowUp" ? 1 : -1);
      isTyping = false;
      if (cell) setWeight(Number((weightAt(cell.i, cell.j) + step).toPrecision(12)));
      showHand();
    } else if (event.key === "Enter" || event.key === "Escape") {
      panel.body.focus();
    }
  }, { signal });
  valueInput.addEventListener("blur", () => {
    isTyping = false;
    problem.textContent = "";
    valueInput.removeAttribute("aria-invalid");
    store.endStep();
    showHand();
  }, { signal });

  for (const [input, axis] of /** @type {Array<[HTMLInputElement, "i" | "j"]>} */ ([[rowInput, "i"], [columnInput, "j"]])) {
    input.addEventListener("input", () => {
      const H = store.experiment.cell.hidden_size;
      const index = /^\d{1,5}$/.test(input.value.trim()) ? Number(input.value) : NaN;
      const isFit = index >= 1 && index <= H;
      input.setAttribute("aria-invalid", String(!isFit));
      problem.textContent = isFit ? "" : `index ${axis}: got “${input.value.slice(0, 12)}”; expected a whole number from 1 to ${H}.`;
      if (isFit) store.look({ cell: { i: 0, j: 0, ...store.view.cell, [axis]: index - 1 } });
    }, { signal });
    input.addEventListener("blur", () => {
      input.removeAttribute("aria-invalid");
      problem.textContent = "";
      showHand();
    }, { signal });
  }

  panel.body.addEventListener("click", (event) => {
    const under = panel.dataUnder(event);
    if (!under) return;
    store.look({ cell: { i: Math.round(under[1]) - 1, j: Math.round(under[0]) - 1 } });
    takeInHand();
  }, { signal, capture: true });
  panel.body.addEventListener("keydown", (event) => {
    const step = ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)];
    if (hasModifier(event)) return;
    if (step) {
      event.preventDefault();
      event.stopPropagation();
      const H = store.experiment.cell.hidden_size;
      const { i, j } = store.view.cell ?? { i: 0, j: 0 };
      const clamp = (/** @type {number} */ index) => Math.min(Math.max(index, 0), H - 1);
      store.look({ cell: { i: clamp(i + (step[0] ?? 0)), j: clamp(j + (step[1] ?? 0)) } });
    } else if (event.key === "Enter" && store.view.cell) {
      event.preventDefault();
      takeInHand();
    }
  }, { signal });

  scene.loop.addLayer("recurrent_matrix", drawMarks, signal);
  scene.loop.addLayer("recurrent_matrix.hand", drawHand, signal);
  return { panel, rest: () => panel.rest(() => hoverTraces(scene.run)) };
}

/** @param {string} text @param {string} dtype @returns {number | null} */
function readNumber(text, dtype) {
  const tidy = text.trim().replace("−", "-").replace(",", ".");
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(tidy) ? Number(tidy) : NaN;
  return Number.isFinite(value) && (dtype === "float64" || Number.isFinite(Math.fround(value))) ? value : null;
}

/** What gets the full colour: the largest weight, but one typed outlier must not pale all others. @param {Float32Array | Float64Array} values */
function typicalLargest(values) {
  let sum = 0;
  let largest = 0;
  for (const value of values) {
    sum += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  return Math.min(largest, 2.5 * Math.sqrt(sum / values.length));
}

/** @param {Run | null} run @returns {object[]} */
function hoverTraces(run) {
  const weights = run?.W_hh;
  const H = weights?.shape[0] ?? 0;
  if (!weights || weights.data.length > MAX_HOVER_CELLS) return [];
  const units = Array.from({ length: H }, (_, k) => k + 1);
  const z = units.map((_, i) => Array.from(weights.data.subarray(i * H, (i + 1) * H)));
  return [{ type: "heatmap", x: units, y: units, z, opacity: 0, showscale: false, zsmooth: false, hovertemplate: "W_hh[%{y:d}, %{x:d}] = %{z:.4g}<extra></extra>" }];
}
