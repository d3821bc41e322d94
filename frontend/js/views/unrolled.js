/**
 * The network as a picture: one cell with a loop, and the same network unrolled, T copies of that
 * cell in a line. The one W_hh that all of them share lights up at every step, as strongly as that
 * step pays for it; a state that is chosen lights up what it depends on and what depends on it.
 */
import { onRatio, pixelRatio } from "../render/ratio.js";
import { writeAttribute, writeHidden, writeSentence, writeText } from "../render/write.js";
import { placeTitle } from "../ui/places.js";
import { mountSequenceChoice } from "../ui/sequence_choice.js";
import { mountUnrollControl } from "../ui/unroll_control.js";
import { coneOf, hasStrengths, strengthsOf } from "./unrolled_cone.js";
import { bindUnrolledHand } from "./unrolled_hand.js";
import { layoutOf } from "./unrolled_layout.js";
import { paintNetwork } from "./unrolled_paint.js";
import { Pixels } from "./unrolled_pixels.js";
import { coneWords, depthWords, nameOfInput, pictureWords, shareTitle, shareWords, subscript } from "./unrolled_words.js";

/** @typedef {import("./unrolled_layout.js").Layout} Layout */

/** @param {HTMLElement} element @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mount(element, scene, signal) {
  const { store } = scene;
  element.classList.add("panel");
  element.innerHTML = `
    <header class="panel-head"><h2>${placeTitle("top")}</h2><span class="panel-detail"></span><div class="panel-legend">
      <button type="button" class="cone-button" aria-pressed="false"></button><span class="unroll-control"></span></div></header>
    <div class="panel-body"><canvas class="network-picture" tabindex="0" role="img" aria-describedby="unrolled-said"></canvas></div>
    <p class="unrolled-said" id="unrolled-said"><span class="unrolled-depth"></span><span class="unrolled-share"></span></p>
    <span class="visually-hidden" role="status"></span>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const [body, coneButton, depth, share, status] = [".panel-body", ".cone-button", ".unrolled-depth", ".unrolled-share", "[role=status]"].map(find);
  const canvas = /** @type {HTMLCanvasElement} */ (find("canvas"));
  const control = mountUnrollControl(find(".unroll-control"), store, signal);
  mountSequenceChoice(element, scene, signal);
  const pixels = new Pixels();
  /** What is on the canvas now. @type {Layout | null} */
  let layout = null;
  let [width, height] = [0, 0];
  /** The step under the pointer. @type {number | null} */
  let hovered = null;

  const measure = () => {
    ({ width, height } = /** @type {HTMLElement} */ (body).getBoundingClientRect());
    const ratio = pixelRatio();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    scene.loop.mark("unrolled");
  };
  const observer = new ResizeObserver(measure);
  onRatio(measure, signal);
  if (body) observer.observe(body);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });

  const isShown = () => store.view.top === "unrolled";
  const experimentShown = () => scene.run?.experiment ?? store.experiment;
  const hasLoop = () => experimentShown().cell.kind !== "attention";

  function draw() {
    const context = isShown() && width > 0 ? canvas.getContext("2d") : null;
    if (!context) return;
    const { run, palette, influence } = scene;
    const { t, isPlaying } = store.view;
    const experiment = experimentShown();
    const unroll = hasLoop() ? store.view.unroll : 1;
    const chosen = store.view.cone;
    const cone = chosen && chosen.t <= experiment.steps && unroll === 1 ? coneOf(chosen, experiment) : null;
    const isMeasured = cone !== null && hasStrengths(influence, run?.experiment, cone);
    layout = layoutOf({ width, height, text_px: palette.text_px, T: experiment.steps, t, unroll, layers: experiment.cell.layers, hasOutputs: true, hasNames: nameOfInput(run, t) !== null || nameOfInput(run, 1) !== null });
    const ratio = pixelRatio();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    paintNetwork({
      context, palette, layout, middle: width / 2, run, experiment, t, isPlaying, pixels, cone, hovered: hovered !== null && hovered <= experiment.steps ? hovered : null,
      influence: isMeasured ? influence : null, strength: isMeasured && influence && cone ? strengthsOf(influence, cone.t) : null,
    });
    write(experiment, cone, isMeasured, unroll);
  }

  /** @param {import("../state/experiment.js").Experiment} experiment @param {import("./unrolled_cone.js").Cone | null} cone @param {boolean} isMeasured @param {number} unroll */
  function write(experiment, cone, isMeasured, unroll) {
    if (!depth || !share || !status || !coneButton) return;
    const { t } = store.view;
    const words = cone ? coneWords(cone, experiment, strengthWords(cone, isMeasured)) : "";
    writeSentence(depth, words || depthWords(experiment));
    writeSentence(share, shareWords(scene.run, hovered ?? t));
    writeAttribute(share, "title", shareTitle(experiment));
    writeHidden(share, words !== "");
    writeText(status, words);
    writeAttribute(canvas, "aria-label", pictureWords(experiment, t, unroll));
    writeText(coneButton, cone ? "clear" : `what h${subscript(t)} depends on`);
    writeAttribute(coneButton, "title", cone ? "the whole network again (Esc)" : "what the state at the cursor depends on, and what depends on it; or click any state (Enter)");
    writeAttribute(coneButton, "aria-pressed", String(cone !== null));
    writeHidden(find(".unroll-control"), !hasLoop());
    writeText(find(".panel-detail"), scene.networks.length > 1 ? `of ${scene.networks[0]?.name ?? ""}` : "");
  }

  /** @param {import("./unrolled_cone.js").Cone} cone @param {boolean} isMeasured */
  function strengthWords(cone, isMeasured) {
    if (isMeasured) return `Measured: under each xₖ ‖∂h${subscript(cone.t)}/∂xₖ‖, under later states ‖∂h/∂x${subscript(cone.t)}‖${scene.run && scene.run.B > 1 ? ", of sequence 1" : ""}.`;
    const { influence, run } = scene;
    if (influence && influence.of === run?.experiment && influence.problem) return `Structure alone: ${influence.problem}`;
    if (cone.layer < (run?.experiment.cell.layers ?? 1) - 1) return "Structure alone: strengths are measured of the top layer.";
    return scene.isAtRest ? "Structure alone: strengths are on their way, or outside the zoom." : "Structure alone while something moves.";
  }

  bindUnrolledHand({ element, canvas, button: coneButton ?? canvas }, store, {
    // Only what is unrolled has places to point at.
    layout: () => (layout?.unroll === 1 ? layout : null),
    hasLoop,
    onHover: (step) => {
      hovered = step;
      scene.loop.mark("unrolled");
    },
  }, signal);

  scene.loop.addLayer("unrolled", draw, signal);
  return { toggle: () => (isShown() && hasLoop() ? control.toggle() : undefined) };
}
