/**
 * An eigenvalue in the hand: chosen by pointer or key, moved by either. A pair that is drawn across
 * the real axis becomes two reals, as far apart as the hand is past it; a real one drawn off the
 * axis becomes a pair with its nearest neighbour.
 */
import { editsOf } from "../state/edits.js";
import { hasModifier } from "./keyboard.js";
import { FINGER_PX, holdStill, isFinger } from "./touch.js";

/** @typedef {import("../render/panel.js").PlotPanel} PlotPanel */
/** @typedef {import("../render/scene.js").Scene} Scene */
/** @typedef {[number, number]} Place  Re and Im */

/** A pointer this near takes an eigenvalue. */
const GRASP_PX = 14;
/** A real eigenvalue stays on the axis as long as the hand is this near to it. */
const AXIS_PX = 8;
const SMALLEST_HALF_GAP = 0.002;
const KEY_STEP = 0.01;
/** Moves by key that follow one another are one step of history; a pause ends it. */
const KEY_PAUSE_MS = 800;
const ARROWS = Object.freeze({ ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] });

/**
 * @param {PlotPanel} panel @param {Scene} scene
 * @param {{enter: () => void}} actions  Enter: the chosen one as numbers
 * @param {AbortSignal} signal
 */
export function bindEigenvalueHand(panel, scene, { enter }, signal) {
  const { store } = scene;
  panel.body.tabIndex = 0;
  panel.body.setAttribute("role", "application");
  panel.body.setAttribute("aria-label", "eigenvalues of W_hh: comma and full stop choose one, arrow keys move it, Enter types its modulus and angle");
  /** A movement that is one step of history. @type {{at: Place, before: readonly import("../state/experiment.js").Edit[], start: import("../state/experiment.js").Experiment, place: Place, kappa: number | null} | null} */
  let movement = null;
  let isDragging = false;
  /** Which pointer drags: a second finger changes nothing. */
  let pointer = 0;
  let isOwnChange = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pausing;

  /** @returns {Place[]} */
  function eigenvalues() {
    const data = scene.run?.standing.spectrum.eigenvalues?.data ?? [];
    return Array.from({ length: data.length / 2 }, (_, k) => [data[2 * k] ?? NaN, data[2 * k + 1] ?? NaN]);
  }

  /** The eigenvalue that is in hand, where it is in the picture. @returns {Place | null} */
  function chosen() {
    const { eigenvalue } = store.view;
    return eigenvalue && nearest(eigenvalues(), ([re, im]) => Math.hypot(re - eigenvalue[0], im - eigenvalue[1]));
  }

  /** κ of an eigenvalue, where it is known; in a movement that of the matrix which it started from. @param {Place} place @returns {number | null} */
  function condition(place) {
    if (movement) return (movement.kappa ??= knownCondition(movement.start, movement.at));
    return knownCondition(store.experiment, place);
  }

  /** @param {import("../state/experiment.js").Experiment} experiment @param {Place} place @returns {number | null} */
  function knownCondition(experiment, [re, im]) {
    const known = scene.conditions?.of === experiment ? scene.conditions.eigenvalues : null;
    if (!known) return null;
    let best = 0;
    for (let k = 0; 2 * k < known.length; k++) {
      const far = (/** @type {number} */ n) => Math.hypot((known[2 * n] ?? NaN) - re, (known[2 * n + 1] ?? NaN) - im);
      if (far(k) < far(best)) best = k;
    }
    return scene.conditions?.condition_numbers[best] ?? null;
  }

  function begin() {
    const at = chosen();
    if (!at) return false;
    movement = { at: [tidy(at[0]), tidy(at[1])], before: editsOf(store.experiment, "W_hh"), start: store.experiment, place: at, kappa: null };
    return true;
  }

  /** @param {Place} at */
  const stepOf = (at) => `eigenvalue ${at.join(" ")}`;

  /**
   * The hand is at a place of the plane. One that is typed is a place, not a way there: below the axis it is the conjugate's.
   * @param {Place} place @param {{axis?: number, isTyped?: boolean}} [how]  axis: how near to the axis counts as on it
   */
  function moveTo([x, y], { axis = 0, isTyped = false } = {}) {
    if (!movement) return;
    const { at, before } = movement;
    movement.place = [x, y];
    const side = at[1] < 0 ? -1 : 1;
    const isReal = at[1] === 0;
    const height = isReal && Math.abs(y) <= axis ? 0 : isReal || isTyped ? Math.abs(y) : y * side;
    /** @type {Place} */
    const to = [round(x), height > 0 ? round(height) : 0];
    const isSplit = at[1] !== 0 && to[1] === 0;
    const half_gap = isSplit ? Math.max(SMALLEST_HALF_GAP, round(-height)) : 0;
    const { keep } = store.view;
    const edit = { op: /** @type {const} */ ("eigenvalue"), at, to, ...(isSplit ? { half_gap } : {}), ...(keep === "eigenvectors" ? {} : { keep }) };
    store.look({ eigenvalue: isSplit ? [to[0] + half_gap, 0] : [to[0], to[1] * side] });
    isOwnChange = true;
    store.operate("W_hh", edit, { before, merge: stepOf(at), isTyped });
    isOwnChange = false;
  }

  /** @param {boolean} [isCancelled]  what was moved goes back to where it was */
  function end(isCancelled = false) {
    clearTimeout(pausing);
    const ended = movement;
    movement = null;
    isDragging = false;
    if (ended && isCancelled) {
      store.look({ eigenvalue: ended.at });
      store.abandon(stepOf(ended.at));
    }
    store.endStep();
    scene.loop.mark("eigenvalues", "eigenvalues.hand");
  }
  // Undo, a preset or another link: what keys and numbers were doing is over.
  store.subscribe((change) => {
    if (change === "experiment" && movement && !isDragging && !isOwnChange && !store.isRetracting) end();
  }, signal);

  panel.body.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || isDragging) return;
    const box = panel.body.getBoundingClientRect();
    const far = (/** @type {Place} */ [re, im]) => Math.hypot(box.left + panel.px(re) - event.clientX, box.top + panel.py(im) - event.clientY);
    const found = nearest(eigenvalues(), far);
    if (movement) end();
    store.look({ eigenvalue: found && far(found) <= (isFinger(event) ? FINGER_PX : GRASP_PX) ? found : null });
    if (!store.view.eigenvalue || !begin()) return;
    [isDragging, pointer] = [true, event.pointerId];
    panel.body.focus({ preventScroll: true });
    event.preventDefault();
  }, { signal, capture: true });
  window.addEventListener("pointermove", (event) => {
    if (!isDragging || event.pointerId !== pointer) return;
    moveTo(panel.placeOf(event), { axis: (AXIS_PX * (panel.yRange[1] - panel.yRange[0])) / panel.area.height });
  }, { signal });
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => {
    if (isDragging && /** @type {PointerEvent} */ (event).pointerId === pointer) end(name === "pointercancel");
  }, { signal });
  holdStill(panel.body, () => isDragging, signal);

  panel.body.addEventListener("keydown", (event) => {
    if (hasModifier(event)) return;
    const step = ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)];
    if (step || event.key === "," || event.key === "." || event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
    }
    if (event.key === "," || event.key === ".") choose(event.key === "." ? 1 : -1);
    else if (event.key === "Escape") store.look({ eigenvalue: null });
    else if (event.key === "Enter" && (store.view.eigenvalue || choose(1))) enter();
    else if (step) nudge(step[0] ?? 0, step[1] ?? 0, event.shiftKey ? 10 * KEY_STEP : KEY_STEP);
  }, { signal });

  /** The next eigenvalue in the server's order; of a pair the upper one. @param {number} way */
  function choose(way) {
    end();
    const upper = eigenvalues().filter(([, im]) => im >= 0);
    const now = chosen();
    const at = now ? upper.findIndex(([re, im]) => re === now[0] && im === Math.abs(now[1])) : way > 0 ? -1 : 0;
    const next = upper[(at + way + upper.length) % upper.length];
    if (next) store.look({ eigenvalue: next });
    return next !== undefined;
  }

  /** @param {number} dx @param {number} dy @param {number} step */
  function nudge(dx, dy, step) {
    if (!store.view.eigenvalue && !choose(1)) return;
    if (!movement && !begin()) return;
    if (movement) moveTo([movement.place[0] + dx * step, movement.place[1] + dy * step]);
    clearTimeout(pausing);
    pausing = setTimeout(end, KEY_PAUSE_MS);
  }

  /** A move in numbers: one step, until it is ended. @param {Place} place */
  function type(place) {
    clearTimeout(pausing);
    if (movement || begin()) moveTo(place, { isTyped: true });
  }
  signal.addEventListener("abort", () => clearTimeout(pausing), { once: true });

  return { chosen, condition, type, end, choose, isDragging: () => isDragging, place: () => movement?.place ?? null };
}

/** @template T @param {readonly T[]} all @param {(each: T) => number} distance @returns {T | null} */
function nearest(all, distance) {
  return all.reduce((/** @type {T | null} */ best, each) => (best === null || distance(each) < distance(best) ? each : best), null);
}

/** Enough digits to tell an eigenvalue from its neighbours, few enough for a link. @param {number} value */
const tidy = (value) => Number(value.toPrecision(9));

/** A hand has no more. @param {number} value */
const round = (value) => Number(value.toFixed(4));
