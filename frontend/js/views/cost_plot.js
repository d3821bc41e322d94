/** Measured times against a size, on log–log axes: points, the spread above them, and the fitted power law over the sizes it is of. */
import { plain, timeText, whole } from "../render/format.js";
import { paintLine } from "../render/lines.js";
import { PlotPanel } from "../render/panel.js";

/** @typedef {import("../net/meter.js").Measurement} Measurement */
/** @typedef {import("../net/meter.js").SeriesName} SeriesName */
/** @typedef {import("../net/meter.js").Point} Point */

const SIZES = Object.freeze([1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]);
/** Powers of ten of a second, with their names. */
const TIMES = Object.freeze(/** @type {const} */ ([[-6, "1 µs"], [-5, "10 µs"], [-4, "0.1 ms"], [-3, "1 ms"], [-2, "10 ms"], [-1, "0.1 s"], [0, "1 s"], [1, "10 s"], [2, "100 s"]]));
const ROOM = 0.12;

/** The marks of a series; the fate's colours stay fate's. @typedef {{name: SeriesName, isSquare: boolean}} Drawn */

/**
 * @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene
 * @param {{symbol: "H" | "T", series: readonly Drawn[], measurement: () => Measurement | null}} options
 * @param {AbortSignal} signal
 */
export function mountCostPlot(element, scene, { symbol, series, measurement }, signal) {
  const panel = new PlotPanel(element, scene, {
    title: `time against ${symbol}`, margins: { left: 4.4, right: 0.8, top: 0.4, bottom: 2.9 },
    xaxis: sizeAxis(symbol, 0),
    yaxis: { tickmode: "array", tickvals: TIMES.map(([power]) => power), ticktext: TIMES.map(([, name]) => name) },
  }, signal);

  const shown = () => series.flatMap(({ name, isSquare }) => {
    const measured = measurement()?.series[name];
    return measured ? [{ name, isSquare, measured }] : [];
  });

  /** @param {[number, number]} yRange of both plots, so that they can be compared */
  function draw(yRange) {
    const found = measurement();
    const sizes = series.flatMap(({ name }) => found?.sizes[name] ?? []);
    const [low, high] = sizes.length ? [Math.log10(Math.min(...sizes)), Math.log10(Math.max(...sizes))] : [0, 3];
    panel.options.xaxis = sizeAxis(symbol, panel.area.width / ((high - low + 2 * ROOM) * scene.palette.text_px));
    panel.setRanges([low - ROOM, high + ROOM], yRange);
    panel.drawAxes();
    panel.draw("marks", (context) => {
      for (const { isSquare, measured } of shown()) {
        const colour = isSquare ? scene.palette.negative : scene.palette.ink;
        for (const part of /** @type {const} */ (["whole", "forward"])) paintSeries(context, measured, part, isSquare, colour);
      }
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../net/meter.js").Measured} measured @param {"forward" | "whole"} part @param {boolean} isSquare @param {string} colour */
  function paintSeries(context, measured, part, isSquare, colour) {
    const { palette } = scene;
    const law = measured[part];
    const last = measured.points.at(-1);
    if (law && last) {
      const at = (/** @type {number} */ size) => /** @type {[number, number]} */ ([Math.log10(size), law.log10_factor + law.exponent * Math.log10(size)]);
      paintLine(context, panel, at(law.smallest), at(last.size), { colour, width: palette.line_px * 0.7, dash: part === "whole" ? [6, 4] : [] });
    }
    const radius = Math.max(2.25, palette.line_px * 1.1);
    context.strokeStyle = colour;
    context.lineWidth = Math.max(1.25, palette.line_px * 0.5);
    for (const point of measured.points) {
      const [x, y] = [panel.px(Math.log10(point.size)), panel.py(Math.log10(point[part]))];
      const top = panel.py(Math.log10(part === "forward" ? point.forwardMedian : point.wholeMedian));
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x, top);
      context.stroke();
      context.beginPath();
      if (isSquare) context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
      else context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fillStyle = part === "whole" ? palette.ground : colour;
      context.fill();
      context.stroke();
    }
  }

  return {
    panel, draw,
    rest: () => panel.rest(() => shown().flatMap(({ name, measured: { points, local } }) => hoverTraces(name, points, local, symbol))),
  };
}

/** The range of times of all that was measured, in decades of a second. @param {Measurement | null} measurement @returns {[number, number]} */
export function timeRange(measurement) {
  const points = Object.values(measurement?.series ?? {}).flatMap(({ points: all }) => all);
  if (!points.length) return [-4, 0];
  const logs = points.flatMap(({ forward, wholeMedian }) => [Math.log10(forward), Math.log10(wholeMedian)]);
  return [Math.floor(Math.min(...logs) * 2) / 2 - ROOM, Math.ceil(Math.max(...logs) * 2) / 2 + ROOM];
}

/** Ticks at powers of 4, or where those would touch of 16. @param {string} symbol @param {number} room of a decade, in em */
function sizeAxis(symbol, room) {
  const ticks = SIZES.filter((_, k) => room > 4.2 || k % 2 === 0);
  return { tickmode: "array", tickvals: ticks.map(Math.log10), ticktext: ticks.map(shortSize), tickangle: 0, title: { text: symbol, standoff: 2 } };
}

/** @param {number} size */
const shortSize = (size) => (size < 16_384 ? String(size) : size < 1_048_576 ? `${size / 1024}k` : "1M");

/** @param {SeriesName} name @param {readonly Point[]} points @param {readonly number[]} local @param {string} symbol @returns {object[]} */
function hoverTraces(name, points, local, symbol) {
  const who = name === "attention_over_steps" ? "attention, " : "";
  const text = points.map(({ size, runs, forward, forwardMedian, whole: all }, k) => {
    const before = points[k - 1];
    const bend = before ? `<br>forward ∝ ${symbol}<sup>${plain(local[k - 1] ?? NaN, 2)}</sup> from ${symbol} = ${whole(before.size)}` : "";
    return `${who}${symbol} = ${whole(size)}: ${timeText(forward)} forward, least of ${runs} (median ${timeText(forwardMedian)})<br>${timeText(all)} forward and backward${bend}`;
  });
  const at = (/** @type {"forward" | "whole"} */ part) => ({ type: "scatter", mode: "markers", x: points.map(({ size }) => Math.log10(size)), y: points.map((point) => Math.log10(point[part])), text, opacity: 0, marker: { size: 12 }, hovertemplate: "%{text}<extra></extra>" });
  return [at("forward"), at("whole")];
}
