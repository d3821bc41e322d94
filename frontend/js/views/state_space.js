/**
 * The state space: the trajectories of one or several starts in a plane, and where they could stay. The
 * plane is that of the two widest directions or of two units; of one unit it is h_t against h_{t-1}.
 */
import { plain } from "../render/format.js";
import { paintText } from "../render/lines.js";
import { PlotPanel } from "../render/panel.js";
import { nameOfStart } from "../render/start_marks.js";
import { writeAttribute, writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";
import { mountPlaneChoice } from "../ui/plane_choice.js";
import { mountStartsChoice } from "../ui/starts_choice.js";
import { KINDS, paintCursors, paintCurve, paintField, paintFixedPoints, paintPath, pathsOf, placeOf, POINT_NUMBERS } from "./state_space_marks.js";

/** @typedef {import("./state_space_marks.js").StateSpace} StateSpace */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("side"), margins: { left: 4, right: 1, top: 0.4, bottom: 3.4 }, isSquare: true,
    xaxis: { nticks: 5, exponentformat: "e" }, yaxis: { nticks: 5, exponentformat: "e" },
  }, signal);
  mountPlaneChoice(panel.legend, store, signal);
  mountStartsChoice(panel.legend, store, {}, signal);
  const said = document.createElement("p");
  said.className = "panel-said";
  said.setAttribute("role", "status");
  panel.body.append(said);
  panel.describeBy(said, "state-space-said");

  const isShown = () => store.view.side === "state_space";

  function drawMarks() {
    if (!isShown()) return;
    const space = scene.stateSpace;
    const times = space?.tensors.times?.data;
    // While a hand moves, the picture of before stays as a shadow: it is of another network.
    const isPresent = space !== null && space.of === scene.run?.experiment;
    const wasShadow = panel.element.classList.contains("is-of-before");
    panel.element.classList.toggle("is-of-before", !isPresent);
    writeText(said, isPresent ? pointsWords(space) : "");
    writeAttribute(said, "title", isPresent ? space.notes.join(" ") : "");
    // What stands needs no painting: a hand moves.
    if (!isPresent && wasShadow && !scene.isAtRest) return;
    if (!space || !times) return panel.draw("marks", () => undefined);
    const paths = pathsOf(space);
    fit(paths, space.tensors.fixed_points?.data);
    panel.drawAxes();
    const isCobweb = isCobwebOf(space.of);
    const { t } = store.view;
    panel.draw("marks", (context, area) => {
      paintField(context, panel, space);
      if (isCobweb) paintCurve(context, panel, space);
      for (const [start, path] of [...paths.entries()].reverse()) paintPath(context, panel, path, times, { t, start, isCobweb });
      paintFixedPoints(context, panel, space);
      paintCursors(context, panel, paths, placeOf(times, t));
      paintAxes(context, area, space);
    });
  }

  /** @param {readonly ArrayLike<number>[]} paths @param {ArrayLike<number> | undefined} points */
  function fit(paths, points) {
    let reach = 0;
    for (const path of paths) for (let k = 0; k < path.length; k++) if (Number.isFinite(path[k])) reach = Math.max(reach, Math.abs(/** @type {number} */ (path[k])));
    // A fixed point far away may lie outside, or it would make the trajectory a dot.
    for (let k = 0; points && k < points.length; k += POINT_NUMBERS) {
      const far = Math.max(Math.abs(points[k] ?? 0), Math.abs(points[k + 1] ?? 0));
      if (far < 3 * reach) reach = Math.max(reach, far);
    }
    const limit = 1.25 * reach || 1;
    panel.setRanges([-limit, limit], [-limit, limit]);
  }

  /** What the axes are, at their ends. @param {CanvasRenderingContext2D} context @param {import("../render/panel.js").Area} area @param {StateSpace} space */
  function paintAxes(context, { x, y, width, height }, space) {
    const { palette } = scene;
    const [across, upwards] = axesOf(space);
    const isCobweb = isCobwebOf(space.of);
    paintText(context, across, x + width - 4, isCobweb ? panel.py(0) - 2 : y + height - 2, palette, { align: "right" });
    paintText(context, upwards, x + 4, y + palette.text_px + 4, palette);
  }

  scene.loop.addLayer("state_space", drawMarks, signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(scene.stateSpace)) };
}

/** One unit of an Elman cell or a GRU: each state over the one before. @param {import("../state/experiment.js").Experiment} experiment */
const isCobwebOf = ({ cell }) => cell.hidden_size === 1 && (cell.kind !== "lstm" || cell.layers > 1);

/** @param {StateSpace} space @returns {[string, string]} across and upwards */
export function axesOf({ of, plane, tensors: { shares } }) {
  if (isCobwebOf(of)) return ["hₜ₋₁", "hₜ"];
  if (of.cell.hidden_size === 1) return ["h", "c"];
  if (plane) return [`unit ${plane[0] + 1}`, `unit ${plane[1] + 1}`];
  if (of.cell.hidden_size === 2) return ["h₁", "h₂"];
  const [first = NaN, second = NaN] = shares ? Array.from(shares.data) : [];
  return [`PC 1, ${percent(first)}`, `PC 2, ${percent(second)}`];
}

/** What was found, in one line; the server's own sentence is in the title. @param {StateSpace} space */
export function pointsWords({ tensors: { fixed_points: points, search }, notes }) {
  if (!points || (!search && !points.data.length)) return notes[0] ?? "";
  const kinds = Array.from({ length: points.data.length / POINT_NUMBERS }, (_, k) => KINDS[points.data[POINT_NUMBERS * k + 2] ?? 0] ?? "");
  const counts = [...new Set(kinds)].map((kind) => `${kinds.filter((each) => each === kind).length} ${kind}`);
  const [starts = 0, lost = 0, best_q = NaN, unfinished = 0] = search ? Array.from(search.data) : [];
  const found = counts.join(", ") || "none found";
  if (!lost) return `fixed points: ${found}`;
  const searches = lost === starts ? `${lost} searches` : `${lost} of ${starts} searches`;
  return `fixed points: ${found}; ${searches} led to none, best q = ${plain(best_q, 2)}${unfinished ? `, ${unfinished} unfinished` : ""}`;
}

/** @param {number} share */
const percent = (share) => `${plain(100 * share, 2)} %`;

/** @param {StateSpace | null} space @returns {object[]} */
function hoverTraces(space) {
  const [times, points] = [space?.tensors.times?.data, space?.tensors.fixed_points?.data];
  if (!space || !times || !points) return [];
  const every = (/** @type {ArrayLike<number>} */ data, /** @type {number} */ stride, /** @type {number} */ offset) => Array.from({ length: data.length / stride }, (_, k) => data[stride * k + offset] ?? NaN);
  const paths = pathsOf(space);
  const whose = (/** @type {number} */ start) => (paths.length > 1 ? `start ${nameOfStart(start)}, ` : "");
  return [
    ...paths.map((path, start) => ({ type: "scatter", mode: "markers", x: every(path, 2, 0), y: every(path, 2, 1), text: Array.from(times, (time) => `${whose(start)}h at t = ${time}`), opacity: 0, hovertemplate: "%{text}<extra></extra>" })),
    { type: "scatter", mode: "markers", x: every(points, POINT_NUMBERS, 0), y: every(points, POINT_NUMBERS, 1), text: every(points, POINT_NUMBERS, 2).map((kind, k) => `${kind === 5 ? "a slow point" : `a fixed point, ${KINDS[kind]}`}<br>q = ${plain(points[POINT_NUMBERS * k + 3] ?? NaN, 2)}`), opacity: 0, marker: { size: 12 }, hovertemplate: "%{text}<extra></extra>" },
  ];
}
