/** One of the network's matrices. A click on a cell, or typed indices, takes a weight in hand; a drag up and down scrubs it. */
import { blocksOf, editsOf, MATRICES, MATRIX_NAMES, sizeOf } from "../state/edits.js";
import { cellText, plain } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { PlotPanel } from "../render/panel.js";
import { Raster } from "../render/raster.js";
import { writeAttribute, writeHidden } from "../render/write.js";
import { hasModifier } from "../ui/keyboard.js";
import { FINGER_PX, holdStill, isFinger } from "../ui/touch.js";
import { mountWeightEditor } from "../ui/weight_editor.js";
import { mountArithmetic } from "./arithmetic.js";

/** @typedef {import("../net/run.js").Run} Run */
/** @typedef {import("../state/edits.js").MatrixName} MatrixName */

const MAX_HOVER_CELLS = 70_000;
/** Up to so many rows and columns the cells hold their numbers, where these can be read. */
const MOST_NUMBERS = 8;
const SMALLEST_TEXT_PX = 9;
const CELL_PADDING_PX = 4;
const CLICK_SLACK_PX = 4;
/** A scrub over so many pixels changes a weight by the full colour's value. */
const SCRUB_PX = 120;
const ARROWS = Object.freeze({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] });

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: `<select class="title-select" aria-label="which weights are shown">${MATRIX_NAMES.map((name) => `<option value="${name}">${name}</option>`).join("")}</select>`,
    margins: { left: 4.2, right: 1, top: 0.4, bottom: 3 }, isSquare: true,
    xaxis: { title: { text: "from unit j", standoff: 0 }, showgrid: false },
    yaxis: { title: { text: "to unit i", standoff: 0 }, showgrid: false }, integers: { x: 5, y: 5 }, hasOverlay: true,
  }, signal);
  panel.body.tabIndex = 0;
  panel.body.setAttribute("role", "application");
  panel.body.setAttribute("aria-label", "weights: arrow keys choose one, Enter types its value, Delete makes it zero");
  const chooser = /** @type {HTMLSelectElement} */ (element.querySelector(".title-select"));
  const raster = new Raster();
  /** What the raster was filled with. @type {{data: object | null, palette: object | null}} */
  let filled = { data: null, palette: null };
  let typical = 1;
  /** |weight| that gets the full colour. */
  let limit = 0;
  const editor = mountWeightEditor(panel.legend, scene, { weightAt, typicalSize: () => typical, leave: () => panel.body.focus() }, signal);
  const arithmetic = mountArithmetic(element, scene);

  /** The matrix that is shown, as far as it is here. */
  function shown() {
    const { run } = scene;
    const name = store.view.matrix;
    const weight = run?.weight(name);
    if (!run || !weight) return null;
    return { run, name, data: weight.data, rows: weight.shape[0] ?? 0, columns: weight.shape[1] ?? 1 };
  }

  function drawMarks() {
    if (chooser.value !== store.view.matrix) chooser.value = store.view.matrix;
    const found = shown();
    writeHidden(panel.marks, !found);
    arithmetic.draw();
    if (!found) return drawHand();
    const { data, rows, columns } = found;
    panel.setSquare(rows === columns && rows > MOST_NUMBERS);
    panel.setRanges([0.5, columns + 0.5], [rows + 0.5, 0.5]);
    panel.drawAxes();
    if (filled.data !== data) typical = typicalLargest(data) || 1;
    const wanted = scene.isAtRest ? typical : Math.max(limit, typical);
    if (filled.data !== data || filled.palette !== scene.palette || limit !== wanted) {
      limit = wanted;
      raster.fill(data, rows, columns, limit, scene.palette);
      filled = { data, palette: scene.palette };
      writeAttribute(panel.element, "title", `full colour at ±${plain(limit)}`);
    }
    panel.draw("marks", (context, area) => {
      raster.paint(context, area.x, area.y, area.width, area.height);
      if (rows <= MOST_NUMBERS && columns <= MOST_NUMBERS) paintNumbers(context, data, columns);
      paintBlocks(context, area);
    });
    drawHand();
  }

  /** Where one gate's rows end and the next one's begin. @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area */
  function paintBlocks(context, area) {
    const blocks = blocksOf(store.experiment, store.view.matrix);
    if (blocks.length < 2) return;
    blocks.forEach((name, k) => {
      const top = area.y + (k * area.height) / blocks.length;
      context.fillStyle = scene.palette.ink;
      if (k) context.fillRect(area.x, top - 0.5, area.width, 1);
      paintText(context, name, area.x + 3, top + scene.palette.text_px + 5, scene.palette, { colour: scene.palette.ink });
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {Float32Array | Float64Array} data @param {number} columns */
  function paintNumbers(context, data, columns) {
    const { palette } = scene;
    const size = Math.min(palette.text_px, Math.floor((1.7 * panel.area.height * columns) / data.length) / 2);
    if (size < SMALLEST_TEXT_PX) return;
    const width = panel.area.width / columns - CELL_PADDING_PX;
    context.font = `${size}px ${palette.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    data.forEach((value, k) => {
      context.fillStyle = Math.abs(value) > 0.6 * limit ? palette.ground : palette.ink;
      const text = cellText(value, (each) => context.measureText(each).width <= width);
      context.fillText(text, panel.px((k % columns) + 1), panel.py(Math.floor(k / columns) + 1));
    });
  }

  /** The chosen weights, and those that were typed. */
  function drawHand() {
    const [rows, columns] = sizeOf(store.experiment, store.view.matrix);
    const typed = typedCells(store.experiment, store.view.matrix);
    const { cell, corner } = store.view;
    if (panel.overlay) writeHidden(panel.overlay, !cell && !typed.length);
    panel.draw("overlay", (context, area) => {
      const [width, height] = [area.width / columns, area.height / rows];
      const frame = (/** @type {number} */ i0, /** @type {number} */ j0, /** @type {number} */ i1, /** @type {number} */ j1, /** @type {number} */ grow) =>
        context.strokeRect(area.x + j0 * width - grow, area.y + i0 * height - grow, (j1 - j0 + 1) * width + 2 * grow, (i1 - i0 + 1) * height + 2 * grow);
      context.strokeStyle = scene.palette.ink;
      context.lineWidth = 1;
      for (const { i, j } of typed) frame(i, j, i, j, 0.5);
      if (!cell) return;
      context.lineWidth = 2;
      const other = corner ?? cell;
      frame(Math.min(cell.i, other.i), Math.min(cell.j, other.j), Math.max(cell.i, other.i), Math.max(cell.j, other.j), Math.max(2, 4 - Math.min(width, height) / 2));
    });
    editor.show();
    arithmetic.draw();
  }

  /** The newest edit of a weight stands before the run that carries it is back. @param {number} i @param {number} j */
  function weightAt(i, j) {
    const last = editsOf(store.experiment, store.view.matrix).at(-1);
    if (last?.op === "set" && last.i === i && (last.j ?? 0) === j) return last.value;
    const found = shown();
    return found?.data[i * found.columns + j] ?? NaN;
  }

  /** @param {MouseEvent} event */
  function cellUnder(event) {
    const under = panel.dataUnder(event);
    return under && { i: Math.round(under[1]) - 1, j: Math.round(under[0]) - 1 };
  }

  chooser.addEventListener("change", () => {
    store.look({ matrix: /** @type {MatrixName} */ (chooser.value), cell: null, corner: null });
  }, { signal });

  /** isHeld: it can be scrubbed. A finger holds only the weight that is chosen already, and a tap chooses; any other way of it scrolls the page. @type {{cell: {i: number, j: number}, isHeld: boolean, pointer: number, y: number, value: number, scrub: ReturnType<typeof editor.begin> | null} | null} */
  let press = null;
  panel.body.addEventListener("pointerdown", (event) => {
    const under = event.button === 0 && !press ? cellUnder(event) : null;
    if (!under) return;
    const { cell: chosen } = store.view;
    if (event.shiftKey && chosen) return store.look({ corner: under });
    const isHeld = !isFinger(event) || (chosen !== null && isNear(chosen, event));
    const cell = isFinger(event) && isHeld && chosen ? chosen : under;
    if (isHeld) store.look({ cell, corner: null });
    press = { cell, isHeld, pointer: event.pointerId, y: event.clientY, value: weightAt(cell.i, cell.j), scrub: null };
  }, { signal, capture: true });
  window.addEventListener("pointermove", (event) => {
    if (!press?.isHeld || event.pointerId !== press.pointer) return;
    const way = press.y - event.clientY;
    if (!press.scrub && Math.abs(way) <= CLICK_SLACK_PX) return;
    press.scrub ??= editor.begin(press.cell);
    const value = press.value + ((event.shiftKey ? 0.1 : 1) * way * limit) / SCRUB_PX;
    press.scrub.set(Number(value.toPrecision(3)));
  }, { signal });
  window.addEventListener("pointerup", ({ pointerId }) => {
    if (pointerId !== press?.pointer) return;
    if (press.scrub) press.scrub.end();
    else if (press.isHeld) editor.take();
    else store.look({ cell: press.cell, corner: null });
    press = null;
  }, { signal });
  window.addEventListener("pointercancel", ({ pointerId }) => {
    if (pointerId !== press?.pointer) return;
    press.scrub?.cancel();
    press = null;
  }, { signal });
  holdStill(panel.body, () => press?.isHeld ?? false, signal);

  /** Whether a finger means this cell. @param {{i: number, j: number}} cell @param {PointerEvent} event */
  function isNear({ i, j }, event) {
    const box = panel.body.getBoundingClientRect();
    const [rows, columns] = sizeOf(store.experiment, store.view.matrix);
    const reach = (/** @type {number} */ size) => Math.max(FINGER_PX, size / 2);
    return Math.abs(box.left + panel.px(j + 1) - event.clientX) <= reach(panel.area.width / columns)
      && Math.abs(box.top + panel.py(i + 1) - event.clientY) <= reach(panel.area.height / rows);
  }

  panel.body.addEventListener("keydown", (event) => {
    if (hasModifier(event)) return;
    const step = ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)];
    const { cell, corner } = store.view;
    if (step) {
      event.preventDefault();
      event.stopPropagation();
      const [rows, columns] = sizeOf(store.experiment, store.view.matrix);
      const from = (event.shiftKey && corner) || cell || { i: 0, j: 0 };
      const next = { i: clamp(from.i + (step[0] ?? 0), rows), j: clamp(from.j + (step[1] ?? 0), columns) };
      store.look(event.shiftKey && cell ? { corner: next } : { cell: next, corner: null });
    } else if (event.key === "Enter" && cell) {
      event.preventDefault();
      editor.take();
    } else if ((event.key === "Delete" || event.key === "Backspace") && cell) {
      event.preventDefault();
      editor.zero("chosen");
    } else if (event.key === "Escape" && cell) store.look({ cell: null, corner: null });
  }, { signal });

  scene.loop.addLayer("weights", drawMarks, signal);
  scene.loop.addLayer("weights.hand", drawHand, signal);
  return { panel, rest: () => panel.rest(() => hoverTraces(shown())) };
}

/** @param {number} index @param {number} size */
const clamp = (index, size) => Math.min(Math.max(index, 0), size - 1);

/**
 * The weights that are what was typed: set, and by no later operation changed with the whole matrix.
 * @param {import("../state/experiment.js").Experiment} experiment @param {MatrixName} name
 */
function typedCells(experiment, name) {
  const edits = editsOf(experiment, name);
  const newest = edits.slice(edits.findLastIndex(({ op }) => op !== "set" && op !== "zero") + 1);
  return newest.flatMap((edit) => (edit.op === "set" ? [{ i: edit.i, j: edit.j ?? 0 }] : []));
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

/** @param {{name: MatrixName, data: Float32Array | Float64Array, rows: number, columns: number} | null} found @returns {object[]} */
function hoverTraces(found) {
  if (!found || found.data.length > MAX_HOVER_CELLS) return [];
  const { name, data, rows, columns } = found;
  const count = (/** @type {number} */ size) => Array.from({ length: size }, (_, k) => k + 1);
  const z = count(rows).map((_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns)));
  const index = MATRICES[name].columns === null ? "%{y:d}" : "%{y:d}, %{x:d}";
  return [{ type: "heatmap", x: count(columns), y: count(rows), z, opacity: 0, showscale: false, zsmooth: false, hovertemplate: `${name}[${index}] = %{z:.4g}<extra></extra>` }];
}
