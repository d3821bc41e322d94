/** Dimensions: every tensor of a run with its symbol, shape, count and bytes; it moves while a size is dragged. */
import { bytesText, whole } from "../render/format.js";
import { bytesOf, dimensionsOf } from "../state/dimensions.js";
import { placeTitle } from "../ui/places.js";

/** @typedef {import("../state/dimensions.js").Row} Row */
/** @typedef {import("../state/dimensions.js").Group} Group */
/** @typedef {import("../state/edits.js").MatrixName} MatrixName */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  element.classList.add("panel");
  element.innerHTML = `<header class="panel-head"><h2>${placeTitle("top")}</h2><span class="panel-detail"></span><div class="panel-legend"><span class="dimensions-total"></span></div></header><div class="dimensions-body"></div>`;
  const body = /** @type {HTMLElement} */ (element.querySelector(".dimensions-body"));
  const detail = /** @type {HTMLElement} */ (element.querySelector(".panel-detail"));
  const total = /** @type {HTMLElement} */ (element.querySelector(".dimensions-total"));
  let written = "";

  function draw() {
    if (store.view.top !== "dimensions") return;
    const { experiment, view } = store;
    const { parameters, run, gradients, kept, count } = dimensionsOf(experiment);
    const bytes = bytesOf(experiment);
    const remembered = `<tr class="kept" title="x, states and gates of every step: the way back needs them, so they can't be let go before it has passed"><th scope="row" colspan="3">kept for the way back</th><td>${whole(kept)}</td><td>${bytesText(kept * bytes)}</td></tr>`;
    const html = `<div>${table(parameters, bytes, view.matrix)}</div><div>${table(run, bytes, view.matrix, remembered)}${table(gradients, bytes, view.matrix)}</div>`;
    const sum = `${whole(count)} numbers, ${bytesText(count * bytes)} in ${experiment.dtype}`;
    if (html + sum === written) return;
    written = html + sum;
    detail.textContent = `shape, count, bytes in ${experiment.dtype}`;
    total.textContent = `in all ${sum}`;
    const inHand = document.activeElement instanceof HTMLElement && body.contains(document.activeElement) ? document.activeElement.dataset.matrix : undefined;
    body.innerHTML = html;
    // What is written anew keeps the key's hand on it.
    if (inHand) /** @type {HTMLElement | null} */ (body.querySelector(`[data-matrix="${inHand}"]`))?.focus();
  }

  body.addEventListener("click", ({ target }) => {
    const matrix = target instanceof Element ? target.closest("tr")?.querySelector("button")?.dataset.matrix : undefined;
    if (matrix) store.look({ matrix: /** @type {MatrixName} */ (matrix), cell: null, corner: null });
  }, { signal });
  scene.loop.addLayer("dimensions", draw, signal);
  return { panel: null, rest: () => undefined };
}

/** @param {Group} group @param {number} bytes of a number @param {MatrixName} shown @param {string} [last] a row after the sum */
function table({ name, remark, sum, rows, count }, bytes, shown, last = "") {
  return `<table><caption><b>${name}</b> ${remark}</caption>
    <thead class="visually-hidden"><tr><th scope="col">tensor</th><th scope="col">shape</th><th scope="col">sizes</th><th scope="col">numbers</th><th scope="col">bytes</th></tr></thead>
    <tbody>${rows.map((row) => line(row, bytes, shown)).join("")}
    <tr class="total"><th scope="row" colspan="3">${sum}</th><td>${whole(count)}</td><td title="${whole(count * bytes)} bytes">${bytesText(count * bytes)}</td></tr>${last}</tbody></table>`;
}

/** @param {Row} row @param {number} bytes @param {MatrixName} shown */
function line({ symbol, says, axes, copies, matrix, count }, bytes, shown) {
  const symbols = axes.map(([name]) => name).join(" × ");
  const sizes = axes.map(([, size]) => String(size)).join(", ");
  const head = matrix ? `<button type="button" data-matrix="${matrix}" aria-pressed="${matrix === shown}" title="${says}; click to see it among the weights">${symbol}</button>` : `<span>${symbol}</span>`;
  return `<tr title="${says}"><th scope="row">${head}</th><td class="axes">${symbols}</td><td>${copies > 1 ? `${copies} · ` : ""}[${sizes}]</td><td>${whole(count)}</td><td title="${whole(count * bytes)} bytes">${bytesText(count * bytes)}</td></tr>`;
}
