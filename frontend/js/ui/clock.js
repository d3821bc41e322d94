/** One clock for all panels: play, pause, step, speed, loop, and the step typed. */
import { writeAttribute, writeText } from "../render/write.js";
import { ICONS } from "./icons.js";

/** Steps a second at speed × 1. */
const BASE_RATE = 20;
/** toLocaleString makes one of these at every call. */
const grouped = new Intl.NumberFormat("en");
const SPEEDS = Object.freeze([0.25, 0.5, 1, 2, 5, 20, 100]);

/** @param {HTMLElement} element @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountClock(element, store, signal) {
  element.innerHTML = `
    <div class="clock-buttons" role="group" aria-label="clock">
      <button type="button" data-do="first" aria-label="to the first step" title="first step (Home)">${ICONS.first}</button>
      <button type="button" data-do="back" aria-label="one step back" title="one step back (←)">${ICONS.back}</button>
      <button type="button" data-do="play" class="clock-play" aria-label="play" title="play, pause (space)">${ICONS.play}</button>
      <button type="button" data-do="on" aria-label="one step on" title="one step on (→)">${ICONS.on}</button>
      <button type="button" data-do="last" aria-label="to the last step" title="last step (End)">${ICONS.last}</button>
    </div>
    <div class="clock-line"><label>t = <input class="clock-t" type="number" min="1" step="1" aria-label="step t"></label> <span class="clock-of"></span></div>
    <div class="clock-line"><label>speed <select class="clock-speed" aria-label="speed">${SPEEDS.map((speed) => `<option value="${speed}">×${speed}</option>`).join("")}</select></label>
    <label class="clock-loop"><input type="checkbox"> loop</label></div>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLInputElement} */ (element.querySelector(selector));
  const [play, typed, of, speed, loop] = [find(".clock-play"), find(".clock-t"), find(".clock-of"), find(".clock-speed"), find(".clock-loop input")];
  /** @type {number | null} */
  let frame = null;
  let last_ms = 0;
  let carried = 0;
  let wasPlaying = false;

  const actions = {
    first: () => store.look({ t: 1 }),
    last: () => store.look({ t: store.experiment.steps }),
    back: () => store.look({ t: store.view.t - 1, isPlaying: false }),
    on: () => store.look({ t: store.view.t + 1, isPlaying: false }),
    play: () => {
      const { isPlaying, t } = store.view;
      store.look({ isPlaying: !isPlaying, ...(!isPlaying && t >= store.experiment.steps ? { t: 1 } : {}) });
    },
  };

  /** @param {number} now_ms */
  function tick(now_ms) {
    frame = null;
    const { isPlaying, t, speed: rate, isLooping } = store.view;
    if (!isPlaying) return;
    // A hidden tab stops animation frames; what it missed is not caught up in one leap.
    carried += (Math.min(now_ms - last_ms, 250) / 1000) * BASE_RATE * rate;
    last_ms = now_ms;
    const steps = Math.floor(carried);
    carried -= steps;
    const T = store.experiment.steps;
    if (t + steps <= T) store.look({ t: t + steps });
    else if (isLooping && T > 1) store.look({ t: 1 });
    else store.look({ t: T, isPlaying: false });
    frame ??= requestAnimationFrame(tick);
  }

  function show() {
    const { t, isPlaying, speed: rate, isLooping } = store.view;
    if (play.dataset.shows !== String(isPlaying)) play.innerHTML = isPlaying ? ICONS.pause : ICONS.play;
    writeAttribute(play, "data-shows", String(isPlaying));
    writeAttribute(play, "aria-label", isPlaying ? "pause" : "play");
    if (document.activeElement !== typed && typed.value !== String(t)) typed.value = String(t);
    writeAttribute(typed, "max", String(store.experiment.steps));
    writeText(of, `of ${grouped.format(store.experiment.steps)}`);
    if (speed.value !== String(rate)) speed.value = String(rate);
    // A speed that an embed was given need not be one of the menu's.
    if (speed.value !== String(rate)) /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (speed)).add(new Option(`×${rate}`, String(rate), true, true));
    if (loop.checked !== isLooping) loop.checked = isLooping;
    if (isPlaying && !wasPlaying) {
      [last_ms, carried] = [performance.now(), 0];
      frame ??= requestAnimationFrame(tick);
    }
    wasPlaying = isPlaying;
  }

  element.addEventListener("click", (event) => {
    const name = event.target instanceof Element ? event.target.closest("button")?.dataset.do : undefined;
    if (name && name in actions) actions[/** @type {keyof typeof actions} */ (name)]();
  }, { signal });
  typed.addEventListener("input", () => {
    const t = Number(typed.value);
    const isFit = typed.value !== "" && Number.isInteger(t) && t >= 1 && t <= store.experiment.steps;
    typed.setAttribute("aria-invalid", String(!isFit));
    if (isFit) store.look({ t, isPlaying: false });
  }, { signal });
  typed.addEventListener("blur", () => {
    typed.removeAttribute("aria-invalid");
    show();
  }, { signal });
  speed.addEventListener("change", () => store.look({ speed: Number(speed.value) }), { signal });
  loop.addEventListener("change", () => store.look({ isLooping: loop.checked }), { signal });
  store.subscribe(show, signal);
  signal.addEventListener("abort", () => frame !== null && cancelAnimationFrame(frame), { once: true });
  show();
  return actions;
}
