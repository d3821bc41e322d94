/** What the network expects next: p(x_{t+1} | x_1 … x_t) as bars, one a class, and the class that was drawn. */
import { pixelRatio } from "../render/ratio.js";
import { plain } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { quoted } from "../render/token_text.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { generates } from "../state/forms.js";
import { hasBars } from "../net/wish.js";

/** @typedef {import("../net/run.js").Run} Run */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene */
export function makeBars(element, scene) {
  element.innerHTML = `<p><span title="softmax of y_t over the temperature">p(x<sub>t+1</sub> | x<sub>1</sub>…x<sub>t</sub>)</span> <output></output></p><canvas role="img"></canvas>`;
  const canvas = /** @type {HTMLCanvasElement} */ (element.querySelector("canvas"));
  const said = /** @type {HTMLOutputElement} */ (element.querySelector("output"));

  return {
    /** Shows the bars of a step; false where there are none. @param {Run | null} run @param {number} t */
    show(run, t) {
      const p = run && hasBars(run.experiment) ? run.distributionAt(t - 1) : null;
      writeHidden(element, p === null);
      if (!run || !p) return false;
      const isOfAll = run.sequence === "mean" && run.B > 1;
      const drawn = isOfAll ? null : drawnClass(run, t);
      const likely = Array.from(p).reduce((best, value, k) => (value > (p[best] ?? -1) ? k : best), 0);
      writeText(said, isOfAll ? `mean of ${run.B}` : drawn === null ? `${nameOf(run, likely)} first: ${plain(p[likely] ?? NaN)}` : `drawn: ${nameOf(run, drawn)}, p = ${plain(p[drawn] ?? NaN)}`);
      writeAttribute(canvas, "aria-label", `probabilities of ${p.length} classes, ${nameOf(run, likely)} is the most likely with ${plain(p[likely] ?? NaN)}`);
      paint(p, drawn);
      return true;
    },
  };

  /** @param {ArrayLike<number>} p @param {number | null} drawn */
  function paint(p, drawn) {
    const ratio = pixelRatio();
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    if (!context) return;
    const { palette } = scene;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const room = palette.text_px;
    const scaleWidth = 3.75 * palette.text_px;
    const each = (width - scaleWidth) / p.length;
    const gap = each > 4 ? 1 : 0;
    const largest = Math.max(...Array.from(p));
    context.fillStyle = palette.hairline;
    context.fillRect(0, height - room, width - scaleWidth, 1);
    for (let k = 0; k < p.length; k++) {
      const high = ((height - room - 2) * (p[k] ?? 0)) / Math.max(largest, 1e-300);
      context.fillStyle = k === drawn ? palette.ink : palette.live;
      context.fillRect(k * each, height - room - high, Math.max(each - gap, 0.5), high);
    }
    // The highest bar is the scale: without its number 0.01 would look like certainty.
    paintText(context, `– ${plain(largest, 2)}`, width - scaleWidth + 3, palette.text_px, palette);
    if (drawn === null) return;
    const x = (drawn + 0.5) * each;
    context.fillStyle = palette.ink;
    context.beginPath();
    context.moveTo(x, height - room + 3);
    context.lineTo(x - 4, height - room + 10);
    context.lineTo(x + 4, height - room + 10);
    context.fill();
  }
}

/** The token that a class stands for, or its number. @param {Run} run @param {number} k from 0 */
function nameOf(run, k) {
  const token = run.tokenOfClass(k);
  return token === null ? `class ${k}` : quoted(token);
}

/** The class that was fed back after step t (1…T), where one was. @param {Run} run @param {number} t @returns {number | null} */
function drawnClass(run, t) {
  const { generation: { after } } = run.experiment;
  const x = run.input("x");
  if (!generates(run.experiment) || after === null || t < after || t >= run.T || !x || run.isBinned) return null;
  const [, D = 0] = x.shape;
  const column = run.columnOf(t);
  const found = x.data.subarray(column * D, (column + 1) * D).findIndex((value) => value === 1);
  return found < 0 ? null : found;
}
