/** The state space: the trajectory in the plane of its two widest directions, or of its two units, and where it could stay. */
import { plain } from "../render/format.js";
import { PlotPanel } from "../render/panel.js";
import { writeAttribute, writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";

/** @typedef {NonNullable<import("../render/scene.js").Scene["stateSpace"]>} StateSpace */

/** The kinds of fixed points as the server numbers them. */
const KINDS = Object.freeze(["stable", "saddle", "repeller", "marginal", "kink", "slow"]);
/** An arrow of the field is at most this long, in pixels. */
const LONGEST_PX = 14;

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle("side"), margins: { left: 4, right: 1, top: 0.4, bottom: 3.4 }, isSquare: true,
    xaxis: { nticks: 5, exponentformat: "e" }, yaxis: { nticks: 5, exponentformat: "e" },
  }, signal);
  panel.legend.innerHTML = `<span class="axes-said"></span>`;
  const axes = /** @type {HTMLElement} */ (panel.legend.querySelector(".axes-said"));
  const said = document.createElement("p");
  said.className = "state-space-said";
  said.setAttribute("role", "status");
  panel.body.append(said);

  const isShown = () => store.view.side === "state_space";

  function drawMarks() {
    if (!isShown()) return;
    const space = scene.stateSpace?.of === scene.run?.experiment ? scene.stateSpace : null;
    const path = space?.tensors.trajectory?.data;
    writeText(said, space ? pointsWords(space) : "");
    writeAttribute(said, "title", space?.notes.join(" ") ?? "");
    writeText(axes, space && path ? axesWords(space) : "");
    if (!space || !path) return panel.draw("marks", () => undefined);
    fit(path, space.tensors.fixed_points?.data);
    panel.drawAxes();
    panel.draw("marks", (context) => {
      paintField(context, space);
      paintPath(context, space, path);
      paintFixedPoints(context, space);
      paintCursor(context, space, path);
    });
  }

  /** @param {ArrayLike<number>} path @param {ArrayLike<number> | undefined} points */
  function fit(path, points) {
    let reach = 0;
    for (let k = 0; k < path.length; k++) if (Number.isFinite(path[k])) reach = Math.max(reach, Math.abs(/** @type {number} */ (path[k])));
    // A fixed point far away may lie outside, or it would make the trajectory a dot.
    for (let k = 0; points && k < points.length; k += 3) {
      const far = Math.max(Math.abs(points[k] ?? 0), Math.abs(points[k + 1] ?? 0));
      if (far < 3 * reach) reach = Math.max(reach, far);
    }
    const limit = 1.1 * reach || 1;
    panel.setRanges([-limit, limit], [-limit, limit]);
  }

  /** One step's displacement from every point of a grid, and the lines where one unit stays. @param {CanvasRenderingContext2D} context @param {StateSpace} space */
  function paintField(context, { tensors: { field, field_across: across, field_upwards: upwards, nullclines } }) {
    const { palette } = scene;
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

  /** The whole trajectory pale, what lies before the cursor strong. @param {CanvasRenderingContext2D} context @param {StateSpace} space @param {ArrayLike<number>} path */
  function paintPath(context, { tensors: { times } }, path) {
    const { palette } = scene;
    const count = path.length / 2;
    const until = Math.max(1, times ? Array.from(times.data).findLastIndex((time) => time <= store.view.t) + 1 : count);
    for (const [from, to, alpha] of /** @type {Array<[number, number, number]>} */ ([[Math.max(0, until - 1), count, 0.25], [0, until, 0.9]])) {
      context.globalAlpha = alpha;
      context.strokeStyle = palette.ink;
      context.lineWidth = Math.max(1, palette.line_px * 0.5);
      context.lineJoin = "round";
      context.beginPath();
      for (let k = from; k < to; k++) context.lineTo(panel.px(path[2 * k] ?? NaN), panel.py(path[2 * k + 1] ?? NaN));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {StateSpace} space */
  function paintFixedPoints(context, { tensors: { fixed_points: points } }) {
    const { palette } = scene;
    const size = 5 * (palette.line_px / 2.25);
    for (let k = 0; points && k < points.data.length; k += 3) {
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

  /** @param {CanvasRenderingContext2D} context @param {StateSpace} space @param {ArrayLike<number>} path */
  function paintCursor(context, { tensors: { times } }, path) {
    if (!times) return;
    const k = Array.from(times.data).findLastIndex((time) => time <= store.view.t);
    context.fillStyle = scene.palette.ink;
    context.beginPath();
    context.arc(panel.px(path[2 * k] ?? NaN), panel.py(path[2 * k + 1] ?? NaN), 4 * (scene.palette.line_px / 2.25), 0, 2 * Math.PI);
    context.fill();
  }

  scene.loop.addLayer("state_space", drawMarks, signal);
  return { panel, rest: () => isShown() && panel.rest(() => hoverTraces(scene.stateSpace)) };
}

/** @param {StateSpace} space */
function axesWords({ of, tensors: { shares } }) {
  if (of.cell.hidden_size === 2) return "h₁ across, h₂ upwards";
  const [first = NaN, second = NaN] = shares ? Array.from(shares.data) : [];
  return `PC 1 ${percent(first)}, PC 2 ${percent(second)}`;
}

/** What was found, in one line; the server's own sentence is in the title. @param {StateSpace} space */
export function pointsWords({ tensors: { fixed_points: points, search }, notes }) {
  if (!points || (!search && !points.data.length)) return notes[0] ?? "";
  const kinds = Array.from({ length: points.data.length / 3 }, (_, k) => KINDS[points.data[3 * k + 2] ?? 0] ?? "");
  const counts = [...new Set(kinds)].map((kind) => `${kinds.filter((each) => each === kind).length} ${kind}`);
  const [starts = 0, lost = 0] = search ? Array.from(search.data) : [];
  return `fixed points: ${counts.join(", ") || "none found"}${lost ? `; ${lost} of ${starts} searches led to none` : ""}`;
}

/** @param {number} share */
const percent = (share) => `${plain(100 * share, 2)} %`;

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} dx @param {number} dy */
function arrow(context, x, y, dx, dy) {
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + 0.65 * dx - 0.2 * dy, y + 0.65 * dy + 0.2 * dx);
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + 0.65 * dx + 0.2 * dy, y + 0.65 * dy - 0.2 * dx);
}

/** @param {StateSpace | null} space @returns {object[]} */
function hoverTraces(space) {
  const [path, times, points] = [space?.tensors.trajectory?.data, space?.tensors.times?.data, space?.tensors.fixed_points?.data];
  if (!path || !times || !points) return [];
  const every = (/** @type {ArrayLike<number>} */ data, /** @type {number} */ stride, /** @type {number} */ offset) => Array.from({ length: data.length / stride }, (_, k) => data[stride * k + offset] ?? NaN);
  return [
    { type: "scatter", mode: "markers", x: every(path, 2, 0), y: every(path, 2, 1), text: Array.from(times, (time) => `h at t = ${time}`), opacity: 0, hovertemplate: "%{text}<extra></extra>" },
    { type: "scatter", mode: "markers", x: every(points, 3, 0), y: every(points, 3, 1), text: every(points, 3, 2).map((kind) => (kind === 5 ? "a slow point" : `a fixed point, ${KINDS[kind]}`)), opacity: 0, marker: { size: 12 }, hovertemplate: "%{text}<extra></extra>" },
  ];
}
