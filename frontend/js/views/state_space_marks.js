/** What the state space is painted of: field, curve, trajectories, fixed points, and the states at the cursor. */
import { paintLine, paintText } from "../render/lines.js";
import { dashOfStart, paintStartName } from "../render/start_marks.js";

/** @typedef {NonNullable<import("../render/scene.js").Scene["stateSpace"]>} StateSpace */
/** @typedef {import("../render/panel.js").PlotPanel} PlotPanel */
/** Coordinates of a trajectory, (n, 2) one after another. @typedef {ArrayLike<number>} Path */

/** The kinds of fixed points as the server numbers them. */
export const KINDS = Object.freeze(["stable", "saddle", "repeller", "marginal", "kink", "slow"]);
/** Numbers of a fixed point: its place, its kind, its q. */
export const POINT_NUMBERS = 4;
/** So many steps before the cursor are the trail: the rest of the trajectory is pale. */
const TRAIL_STEPS = 40;
/** An arrow of the field is at most this long, in pixels. */
const LONGEST_PX = 14;

/** The trajectories of all starts, the shown one first. @param {StateSpace} space @returns {Path[]} */
export function pathsOf({ tensors: { trajectory, others } }) {
  if (!trajectory) return [];
  const [count = 0, n = 0] = others?.shape ?? [];
  return [trajectory.data, ...Array.from({ length: count }, (_, k) => others?.data.subarray(2 * n * k, 2 * n * (k + 1)) ?? [])];
}

/** One step's displacement from every point of a grid, and the lines where one unit stays. @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {StateSpace} space */
export function paintField(context, panel, { tensors: { field, field_across: across, field_upwards: upwards, nullclines } }) {
  const { palette } = panel.scene;
  if (field && across && upwards) {
    const [rows = 0, columns = 0] = field.shape;
    context.strokeStyle = palette.quiet;
    context.globalAlpha = 0.6;
    context.lineWidth = 1;
    context.beginPath();
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = 2 * (row * columns + column);
        const [x, y] = [panel.px(across.data[column] ?? 0), panel.py(upwards.data[row] ?? 0)];
        const [dx, dy] = [panel.px(field.data[at] ?? 0) - panel.px(0), panel.py(field.data[at + 1] ?? 0) - panel.py(0)];
        const share = Math.min(1, LONGEST_PX / Math.max(Math.hypot(dx, dy), 1e-9));
        arrow(context, x, y, dx * share, dy * share);
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }
  if (!nullclines) return;
  for (const unit of [0, 1]) {
    context.strokeStyle = unit === 0 ? palette.positive : palette.negative;
    context.lineWidth = Math.max(1.25, palette.line_px * 0.6);
    context.beginPath();
    let isDown = false;
    for (let k = 0; k < nullclines.data.length; k += 3) {
      const of = nullclines.data[k];
      if (of !== unit) {
        isDown = false;
        continue;
      }
      const [x, y] = [panel.px(nullclines.data[k + 1] ?? 0), panel.py(nullclines.data[k + 2] ?? 0)];
      if (isDown) context.lineTo(x, y);
      else context.moveTo(x, y);
      isDown = true;
    }
    context.stroke();
  }
}

/** Of one unit: what a step makes of every h_{t-1}, and the diagonal on which it stays. @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {StateSpace} space */
export function paintCurve(context, panel, { tensors: { curve } }) {
  const { area, xRange: [low, high], scene: { palette } } = panel;
  paintLine(context, panel, [low, low], [high, high], { colour: palette.quiet, width: 1, dash: [4, 3] });
  paintText(context, "hₜ = hₜ₋₁", area.x + area.width - 4, area.y + area.height - 2, palette, { align: "right" });
  if (!curve) return;
  context.strokeStyle = palette.positive;
  context.lineWidth = Math.max(1.25, palette.line_px * 0.8);
  context.beginPath();
  for (let k = 0; k < curve.data.length; k += 2) context.lineTo(panel.px(curve.data[k] ?? NaN), panel.py(curve.data[k + 1] ?? NaN));
  context.stroke();
}

/**
 * A trajectory: the last steps before the cursor strong, what was before pale, what comes after paler; of one unit as a staircase
 * between the curve and the diagonal.
 * @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {Path} path @param {ArrayLike<number>} times
 * @param {{t: number, start: number, isCobweb: boolean}} options
 */
export function paintPath(context, panel, path, times, { t, start, isCobweb }) {
  const { palette } = panel.scene;
  const now = Math.max(0, placeOf(times, t));
  const since = Math.max(0, placeOf(times, t - TRAIL_STEPS));
  const width = Math.max(1, palette.line_px * (start ? 0.6 : 0.5));
  context.save();
  context.strokeStyle = start ? palette.live : palette.ink;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dashOfStart(start, width));
  for (const [from, to, alpha] of /** @type {Array<[number, number, number]>} */ ([[now, times.length, 0.18], [0, since + 1, 0.35], [since, now + 1, 0.9]])) {
    context.globalAlpha = alpha;
    context.beginPath();
    for (let k = from; k < to; k++) {
      const [x, y] = [panel.px(path[2 * k] ?? NaN), panel.py(path[2 * k + 1] ?? NaN)];
      const isNext = k > from && (times[k] ?? 0) - (times[k - 1] ?? 0) === 1;
      if (!isCobweb || isNext) context.lineTo(x, y);
      if (isCobweb) context[isNext ? "lineTo" : "moveTo"](panel.px(path[2 * k + 1] ?? NaN), y);
    }
    context.stroke();
  }
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {StateSpace} space */
export function paintFixedPoints(context, panel, { tensors: { fixed_points: points } }) {
  const { palette } = panel.scene;
  const size = 5 * (palette.line_px / 2.25);
  for (let k = 0; points && k < points.data.length; k += POINT_NUMBERS) {
    const [x, y, kind] = [panel.px(points.data[k] ?? 0), panel.py(points.data[k + 1] ?? 0), KINDS[points.data[k + 2] ?? 0]];
    context.lineWidth = 2;
    context.strokeStyle = kind === "stable" ? palette.vanish : kind === "repeller" || kind === "saddle" ? palette.explode : palette.live;
    context.fillStyle = kind === "stable" ? palette.vanish : palette.ground;
    context.beginPath();
    context.arc(x, y, kind === "slow" ? size * 0.6 : size, 0, 2 * Math.PI);
    context.fill();
    // Half full: some directions are drawn in, others driven away.
    if (kind === "saddle") {
      context.fillStyle = palette.explode;
      context.beginPath();
      context.arc(x, y, size, Math.PI / 2, (3 * Math.PI) / 2);
      context.fill();
      context.beginPath();
      context.arc(x, y, size, 0, 2 * Math.PI);
    }
    context.stroke();
  }
}

/** Every start at the step of the cursor: a dot, and where there are several its number. @param {CanvasRenderingContext2D} context @param {PlotPanel} panel @param {readonly Path[]} paths @param {number} k of the time */
export function paintCursors(context, panel, paths, k) {
  const { palette } = panel.scene;
  for (const [start, path] of [...paths.entries()].reverse()) {
    const [x, y] = [panel.px(path[2 * k] ?? NaN), panel.py(path[2 * k + 1] ?? NaN)];
    if (!Number.isFinite(x + y)) continue;
    context.fillStyle = start ? palette.ground : palette.ink;
    context.strokeStyle = palette.ink;
    context.lineWidth = Math.max(1.5, palette.line_px * 0.6);
    context.beginPath();
    context.arc(x, y, 4 * (palette.line_px / 2.25), 0, 2 * Math.PI);
    context.fill();
    if (start) context.stroke();
    if (paths.length > 1) paintStartName(context, start, x, y, palette);
  }
}

/** Which of the times is the last up to t. @param {ArrayLike<number>} times @param {number} t */
export function placeOf(times, t) {
  let [low, high] = [-1, times.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((times[middle] ?? Infinity) <= t) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} dx @param {number} dy */
function arrow(context, x, y, dx, dy) {
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + 0.65 * dx - 0.2 * dy, y + 0.65 * dy + 0.2 * dx);
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + 0.65 * dx + 0.2 * dy, y + 0.65 * dy - 0.2 * dx);
}
