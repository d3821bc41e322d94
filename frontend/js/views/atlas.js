/** The atlas: what every ρ from 0 to 2 would do, over time. The present ρ is a line across it; a click or a drag sets it. */
import { atlasProducts, MOST_PRODUCTS, RADII } from "../net/analyst.js";
import { LARGEST_RADIUS } from "../net/atlas.js";
import { plain, powerOfTen } from "../render/format.js";
import { paintLine, paintText } from "../render/lines.js";
import { fateGradient } from "../render/palette.js";
import { PlotPanel } from "../render/panel.js";
import { Raster } from "../render/raster.js";
import { writeHidden, writeProperty, writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";
import { hasModifier } from "../ui/keyboard.js";
import { FINGER_PX, holdStill, isFinger } from "../ui/touch.js";
import { TIME_MARGINS } from "./time_axis.js";
import { nameSteps } from "./token_ticks.js";

/** @typedef {import("../net/atlas.js").AtlasQuantity} AtlasQuantity */
/** @typedef {import("../state/store.js").Place} Place */

/** Decades up or down that get the full colour. */
const DECADES = 10;
const HALF_ROW = LARGEST_RADIUS / (RADII - 1) / 2;
const QUANTITIES = Object.freeze({ log10_norm_h: "‖h‖", log10_grad_h: "‖∂L/∂h‖" });

/**
 * @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene
 * @param {{place: Place, quantity: AtlasQuantity}} options
 * @param {{set: (rho: number) => void, nudge: (step: number) => void, cancel: () => void, inForce: () => number}} radius
 * @param {AbortSignal} signal
 */
export function mount(element, scene, { place, quantity }, radius, signal) {
  const { store } = scene;
  const panel = new PlotPanel(element, scene, {
    title: placeTitle(place), margins: { ...TIME_MARGINS, bottom: place === "top" ? 1.9 : 3 },
    xaxis: { showgrid: false, ...(place === "top" ? {} : { title: { text: "step t", standoff: 2 } }) },
    yaxis: { showgrid: false, title: { text: "ρ", standoff: 4 }, nticks: 5 }, integers: { x: 8 }, hasOverlay: true,
  }, signal);
  panel.legend.innerHTML = `<span class="panel-note" role="status"></span>
    <select class="quantity" aria-label="what the atlas shows">${Object.entries(QUANTITIES).map(([name, text]) => `<option value="${name}">${text}</option>`).join("")}</select>
    <span class="scale-end">≤10<sup>−${DECADES}</sup></span><span class="scale-bar" role="img" aria-label="colour scale from 10 to the minus ${DECADES} over 1 to 10 to the ${DECADES}"></span><span class="scale-end">≥10<sup>${DECADES}</sup></span>`;
  const chooser = /** @type {HTMLSelectElement} */ (panel.legend.querySelector(".quantity"));
  const bar = /** @type {HTMLElement} */ (panel.legend.querySelector(".scale-bar"));
  const note = /** @type {HTMLElement} */ (panel.legend.querySelector(".panel-note"));
  chooser.value = quantity;
  panel.body.tabIndex = 0;
  panel.body.setAttribute("role", "application");
  panel.body.setAttribute("aria-label", "atlas of ρ over time: arrow up and down set ρ");
  const raster = new Raster();
  /** What the raster was filled with. */
  let filled = "";
  let palette = scene.palette;

  const isShown = () => store.view[place] === "atlas";
  const shownQuantity = () => /** @type {AtlasQuantity} */ (chooser.value);

  function drawMarks() {
    if (!isShown()) return;
    const { atlas } = scene;
    nameSteps(panel, "x");
    // Half a row more at both ends: a row is centred on its ρ.
    panel.setRanges(scene.timeRange, [-HALF_ROW, LARGEST_RADIUS + HALF_ROW]);
    panel.drawAxes();
    writeProperty(bar, "--scale", fateGradient(scene.palette));
    writeText(note, scene.atlasProblem || (atlas || atlasProducts(store.experiment) <= MOST_PRODUCTS ? "" : "too large to be computed behind the panels"));
    writeHidden(panel.marks, !atlas);
    if (atlas) {
      fill(atlas);
      panel.draw("marks", (context, area) => {
        const [left, right] = [panel.px(atlas.window.t0 + 0.5), panel.px(atlas.window.t1 + 0.5)];
        raster.paint(context, left, area.y, right - left, area.height);
      });
    }
    drawHand();
  }

  /** @param {import("../net/atlas.js").Atlas} atlas */
  function fill(atlas) {
    const wanted = `${atlas.key} ${atlas.version} ${shownQuantity()}`;
    if (filled === wanted && palette === scene.palette) return;
    [filled, palette] = [wanted, scene.palette];
    const values = new Float32Array(atlas.radii * atlas.columns);
    for (let row = 0; row < atlas.radii; row++) values.set(atlas.row(shownQuantity(), atlas.radii - 1 - row), row * atlas.columns);
    // Nothing left is the end of the scale, not an accident.
    for (let k = 0; k < values.length; k++) if (values[k] === -Infinity) values[k] = -Number.MAX_VALUE;
    raster.fill(values.map((value) => (value < -3e38 ? -3e38 : value)), atlas.radii, atlas.columns, DECADES, { ...scene.palette, signed: scene.palette.fates });
  }

  /** The line of the present ρ, and that of 1. */
  function drawHand() {
    if (!isShown()) return;
    const rho = radius.inForce();
    panel.setCursor(store.view.t);
    panel.draw("overlay", (context, area) => {
      const { palette: { ink, quiet, line_px } } = scene;
      const [low, high] = panel.xRange;
      paintLine(context, panel, [low, 1], [high, 1], { colour: quiet, width: 1, dash: [2, 4] });
      if (!(rho <= LARGEST_RADIUS)) return;
      paintLine(context, panel, [low, rho], [high, rho], { colour: ink, width: Math.max(1.5, line_px / 1.5) });
      const isLow = rho > LARGEST_RADIUS * 0.9;
      paintText(context, `ρ = ${plain(rho, 3)}`, area.x + 6, panel.py(rho) + (isLow ? scene.palette.text_px + 6 : -3), scene.palette, { colour: ink });
    });
  }

  chooser.addEventListener("change", () => {
    scene.loop.mark(`atlas.${place}`);
    scene.loop.afterNextFrame(() => panel.rest(() => hoverTraces()));
  }, { signal });
  /** A finger drags the line alone and sets ρ elsewhere by a tap: any other way of it scrolls the page. @type {"drag" | "tap" | null} */
  let press = null;
  let pointer = 0;
  panel.body.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || press || !panel.dataUnder(event)) return;
    const line = panel.body.getBoundingClientRect().top + panel.py(radius.inForce());
    press = isFinger(event) && Math.abs(event.clientY - line) > FINGER_PX ? "tap" : "drag";
    pointer = event.pointerId;
    if (press === "tap") return;
    event.preventDefault();
    panel.body.focus({ preventScroll: true });
    if (!isFinger(event)) setRadius(event);
  }, { signal, capture: true });
  window.addEventListener("pointermove", (event) => press === "drag" && event.pointerId === pointer && setRadius(event), { signal });
  window.addEventListener("pointerup", (event) => {
    if (event.pointerId !== pointer) return;
    if (press === "tap") setRadius(event);
    if (press) store.endStep();
    press = null;
  }, { signal });
  window.addEventListener("pointercancel", ({ pointerId }) => {
    if (pointerId !== pointer) return;
    if (press === "drag") radius.cancel();
    press = null;
  }, { signal });
  holdStill(panel.body, () => press === "drag", signal);
  panel.body.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 0.01, ArrowDown: -0.01 }[event.key];
    if (!step || hasModifier(event)) return;
    event.preventDefault();
    event.stopPropagation();
    radius.nudge(event.shiftKey ? 10 * step : step);
  }, { signal });

  /** @param {PointerEvent} event */
  function setRadius(event) {
    radius.set(Math.min(Math.max(Number(panel.placeOf(event)[1].toFixed(2)), 0), LARGEST_RADIUS));
  }

  function hoverTraces() {
    const { atlas } = scene;
    if (!atlas || !isShown()) return [];
    const count = (/** @type {number} */ size) => Array.from({ length: size }, (_, k) => k);
    const z = count(atlas.radii).map((row) => Array.from(atlas.row(shownQuantity(), row)));
    const text = z.map((row) => row.map((value) => powerOfTen(value)));
    return [{ type: "heatmap", x: count(atlas.columns).map((column) => atlas.stepOf(column) + 1), y: count(atlas.radii).map((row) => atlas.radiusOf(row)), z: z.map((row) => row.map((value) => (Number.isFinite(value) ? value : Math.sign(value) * 400))), text, opacity: 0, showscale: false, zsmooth: false, hovertemplate: `t = %{x:d}, ρ = %{y:.2f}<br>${QUANTITIES[shownQuantity()]} = %{text}<extra></extra>` }];
  }

  scene.loop.addLayer(`atlas.${place}`, drawMarks, signal);
  scene.loop.addLayer(`atlas.${place}.hand`, drawHand, signal);
  return { panel, rest: () => isShown() && panel.rest(hoverTraces) };
}
