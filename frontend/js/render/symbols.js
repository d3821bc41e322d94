/** The signs of a network's drawing: arrows, and symbols with their index. */
import { stamp, textWidth } from "./stamps.js";

/** @typedef {import("./palette.js").Palette} Palette */

/** @param {CanvasRenderingContext2D} context @param {number} from @param {number} to @param {number} across @param {number} weight @param {string} colour @param {boolean} [isVertical] */
export function paintArrow(context, from, to, across, weight, colour, isVertical = false) {
  const direction = Math.sign(to - from);
  const head = Math.max(4, weight * 1.1);
  context.save();
  if (isVertical) context.transform(0, 1, 1, 0, 0, 0);
  context.fillStyle = colour;
  context.fillRect(Math.min(from, to - direction * head), across - weight / 2, Math.abs(to - direction * head - from), weight);
  context.beginPath();
  context.moveTo(to, across);
  context.lineTo(to - direction * head, across - head * 0.75);
  context.lineTo(to - direction * head, across + head * 0.75);
  context.fill();
  context.restore();
}

/** A symbol with its index below the line, its middle at x. @param {CanvasRenderingContext2D} context @param {Palette} palette @param {string} symbol @param {string | number | null} index @param {number} x @param {number} y @param {string} colour */
export function paintSymbol(context, palette, symbol, index, x, y, colour) {
  const { font, text_px: size } = palette;
  const [main, small] = [`italic ${size + 1}px ${font}`, `${Math.round(size * 0.8)}px ${font}`];
  const text = index === null ? "" : String(index);
  const widths = () => [textWidth(main, symbol), textWidth(small, text)];
  stamp(context, x, y, `${main} ${colour} ${symbol} ${text}`, () => {
    const half = widths().reduce((sum, width) => sum + width, 2) / 2;
    return { left: half, right: half, top: size * 1.4, bottom: size };
  }, (made) => {
    const [symbolWidth = 0, textWide = 0] = widths();
    const start = -(symbolWidth + textWide) / 2;
    made.fillStyle = colour;
    made.font = small;
    made.fillText(text, start + symbolWidth + 0.5, 3);
    made.font = main;
    made.fillText(symbol, start, 0);
  });
}
