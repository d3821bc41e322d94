/**
 * A picture of what is on the screen, as PNG: the panels' own canvases, their axes, and the words
 * where they stand. Nothing is fetched and nothing leaves the page.
 */
import { paintAxes } from "../render/axes.js";

/** @typedef {import("../render/panel.js").PlotPanel} PlotPanel */

/** What is there to be used, and not to be read. */
const CONTROLS = "option, button:not(th button), input, textarea, .visually-hidden, .weight-editor, .eigenvalue-editor, .plot";
/** What cuts off what has no room in it. */
const CUT = ".panel-detail, .race-said, .panel-legend, .panel-head, .panel-body, .dimensions-body, .cost-body";
/** More pixels than that no canvas holds everywhere. */
const MOST_PIXELS = 2 ** 25;

/**
 * @param {readonly PlotPanel[]} panels @param {import("../render/palette.js").Palette} palette @param {number} scale pixels for one of the page's
 * @returns {{url: string, width: number, height: number}}
 */
export function screenshot(panels, palette, scale) {
  const fitting = Math.min(scale, Math.sqrt(MOST_PIXELS / (innerWidth * innerHeight)));
  const [width, height] = [Math.round(innerWidth * fitting), Math.round(innerHeight * fitting)];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(width / innerWidth, height / innerHeight);
  context.fillStyle = palette.ground;
  context.fillRect(0, 0, innerWidth, innerHeight);
  for (const panel of panels) if (isSeen(panel.body)) paintPanel(context, panel);
  for (const element of document.querySelectorAll("main canvas:not(.axes, .marks, .overlay)")) paintCanvas(context, /** @type {HTMLCanvasElement} */ (element));
  paintWords(context);
  return { url: canvas.toDataURL("image/png"), width, height };
}

/** @param {Element} element */
const isSeen = (element) => element.getClientRects().length > 0;

/** @param {CanvasRenderingContext2D} context @param {PlotPanel} panel */
function paintPanel(context, panel) {
  const box = panel.body.getBoundingClientRect();
  context.save();
  context.translate(box.x, box.y);
  paintAxes(context, panel);
  context.restore();
  for (const layer of [panel.marks, panel.overlay]) if (layer) paintCanvas(context, layer);
  const cursor = panel.body.querySelector(".cursor");
  if (!cursor || !isSeen(cursor)) return;
  const line = cursor.getBoundingClientRect();
  context.save();
  context.strokeStyle = getComputedStyle(cursor).color;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(line.x + 0.5, line.top);
  context.lineTo(line.x + 0.5, line.bottom);
  context.stroke();
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {HTMLCanvasElement} canvas */
function paintCanvas(context, canvas) {
  const { x, y, width, height } = canvas.getBoundingClientRect();
  if (width && height && canvas.width && canvas.height) context.drawImage(canvas, x, y, width, height);
}

/** All words in sight outside of controls, and the swatches and bars beside them. @param {CanvasRenderingContext2D} context */
function paintWords(context) {
  for (const root of document.querySelectorAll(".embed-title, .equation, .verdict, main > .panel, .readout")) {
    if (!isSeen(root)) continue;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const room = (node.parentElement?.closest(CUT) ?? root).getBoundingClientRect();
      if (node instanceof Text) paintText(context, node, room);
      else if (node instanceof HTMLElement && isSeen(node) && node.getBoundingClientRect().top < room.bottom) paintSwatch(context, node);
    }
  }
}

/** @param {CanvasRenderingContext2D} context @param {Text} node @param {DOMRect} room what lies outside of it is cut off */
function paintText(context, node, room) {
  const { parentElement } = node;
  if (!parentElement || !node.data.trim() || parentElement.closest(CONTROLS)) return;
  const range = document.createRange();
  range.selectNodeContents(node);
  const [box] = range.getClientRects();
  if (!box?.width) return;
  const middle = box.y + box.height / 2;
  if (box.left >= room.right || middle >= room.bottom) return;
  context.save();
  context.beginPath();
  context.rect(room.x, room.y, room.width, room.height);
  context.clip();
  write(context, node.data.replace(/\s+/g, " "), box.x, middle, parentElement);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} middle @param {Element} like */
function write(context, text, x, middle, like) {
  const { fontStyle, fontWeight, fontSize, fontFamily, color, opacity } = getComputedStyle(like);
  context.save();
  // One letter in a formula is slanted by the browser itself, and no style says so.
  const style = like.localName === "mi" && text.length === 1 ? "italic" : fontStyle;
  context.font = `${style} ${fontWeight} ${fontSize} ${fontFamily}`;
  context.fillStyle = color;
  context.globalAlpha = Number(opacity) || 1;
  context.textBaseline = "middle";
  context.fillText(text, x, middle);
  context.restore();
}

/** What has no text of its own: the title that is a menu, the colour of a curve, a scale of colours. @param {CanvasRenderingContext2D} context @param {HTMLElement} element */
function paintSwatch(context, element) {
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  if (element instanceof HTMLSelectElement) {
    const left = Number.parseFloat(style.paddingLeft) + Number.parseFloat(style.borderLeftWidth);
    return write(context, element.selectedOptions[0]?.text ?? "", box.x + left, box.y + box.height / 2, element);
  }
  if (element.matches(".scale-bar")) return paintBar(context, box, style.backgroundImage);
  if (!element.matches(".curve i")) return;
  context.save();
  context.strokeStyle = style.borderTopColor;
  context.lineWidth = Number.parseFloat(style.borderTopWidth);
  if (style.borderTopStyle !== "solid") context.setLineDash(style.borderTopStyle === "dotted" ? [2, 2] : [5, 3]);
  context.beginPath();
  context.moveTo(box.left, box.top + context.lineWidth / 2);
  context.lineTo(box.right, box.top + context.lineWidth / 2);
  context.stroke();
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {DOMRect} box @param {string} image a linear gradient, as the browser writes it */
function paintBar(context, box, image) {
  const colours = image.match(/rgba?\([^)]*\)/g) ?? [];
  if (colours.length < 2) return;
  const gradient = context.createLinearGradient(box.left, 0, box.right, 0);
  colours.forEach((colour, k) => gradient.addColorStop(k / (colours.length - 1), colour));
  context.fillStyle = gradient;
  context.fillRect(box.x, box.y, box.width, box.height);
}
