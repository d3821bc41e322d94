/** Tokens on the axes of steps and classes: in the place of numbers, where enough of them can stand side by side. */
import { textWidth } from "../render/stamps.js";
import { fitting, isTelling, plotlyText, standing } from "../render/token_text.js";

/** @typedef {import("../render/panel.js").PlotPanel} PlotPanel */
/** @typedef {import("../net/run.js").Run} Run */

/** More places than this have no room for names on any screen. */
const MOST_PLACES = 1000;

/** What the names of an axis were made of: while ρ moves, the tokens stay. @type {WeakMap<PlotPanel, Partial<Record<"x" | "y", readonly unknown[]>>>} */
const made = new WeakMap();

/** Names the steps of the shared time axis. @param {PlotPanel} panel @param {"x" | "y"} axis */
export function nameSteps(panel, axis) {
  const { run, span: [t0, t1] } = panel.scene;
  if (!isOther(panel, axis, [run?.tokens, run?.sequence, t0, t1])) return;
  const isNamed = run?.tokens && t1 - t0 <= MOST_PLACES;
  nameAxis(panel, axis, isNamed ? Array.from({ length: t1 - t0 }, (_, k) => run.tokenAt(t0 + k)) : [], t0 + 1);
}

/** Names the rows of outputs and probabilities that are of classes. @param {PlotPanel} panel @param {Run} run @param {boolean} isOfClasses */
export function nameClasses(panel, run, isOfClasses) {
  const O = run.experiment.cell.output_size;
  if (!isOther(panel, "y", [run.tokens, run.experiment.input.embedding, O, isOfClasses])) return;
  const isNamed = isOfClasses && O <= MOST_PLACES;
  nameAxis(panel, "y", isNamed ? Array.from({ length: O }, (_, k) => run.tokenOfClass(k)) : [], 1);
}

/** @param {PlotPanel} panel @param {"x" | "y"} axis @param {readonly unknown[]} parts that its names are of */
function isOther(panel, axis, parts) {
  const { area: { width, height }, scene: { palette } } = panel;
  const now = [...parts, width, height, palette];
  const before = made.get(panel) ?? {};
  if (before[axis]?.every((part, k) => part === now[k])) return false;
  made.set(panel, { ...before, [axis]: now });
  return true;
}

/** @param {PlotPanel} panel @param {"x" | "y"} axis @param {ReadonlyArray<string | null>} tokens of one place after another @param {number} first place */
function nameAxis(panel, axis, tokens, first) {
  const { area, scene: { palette } } = panel;
  const font = `${palette.text_px}px ${palette.font}`;
  const isUpright = axis === "y";
  const each_px = (isUpright ? area.height : area.width) / Math.max(tokens.length, 1);
  // Beside an axis there is its margin, below it at most the room of a few steps.
  const room_px = isUpright ? area.x - palette.text_px * 0.75 : Math.max(each_px, 8 * palette.text_px);
  const names = tokens.map((token) => token && fitting(token, (text) => textWidth(font, text) <= room_px));
  // Between words there is a space; single signs stand side by side, like lines do.
  const gap_em = isUpright || names.every((name) => (name ?? "").length < 3) ? 0.1 : 0.35;
  const shown = standing(names, each_px, (name) => (isUpright ? palette.text_px : textWidth(font, name)), palette.text_px * gap_em);
  panel.setTicks(axis, isTelling(tokens, shown) ? { places: shown.map((k) => first + k), names: shown.map((k) => plotlyText(names[k] ?? "")) } : null);
}
