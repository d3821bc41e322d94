/** The tools of the masthead: presets, undo and redo, hold, help. */
import { writeAttribute } from "../render/write.js";
import { cellInfo, hasGates } from "../state/cells.js";
import { decodeLink } from "../state/link.js";
import { BY_DIGIT, PRESETS } from "../state/presets.js";
import { plain } from "../render/format.js";
import { ICONS } from "./icons.js";

/**
 * @param {HTMLElement} masthead @param {import("../render/scene.js").Scene} scene
 * @param {{help: HTMLDialogElement}} parts @param {AbortSignal} signal
 */
export function mountTools(masthead, scene, { help }, signal) {
  const { store, loop } = scene;
  const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (masthead.querySelector(`button.${name}`));
  const [undo, redo, hold] = [button("undo"), button("redo"), button("hold")];
  const presets = /** @type {HTMLSelectElement} */ (masthead.querySelector(".preset"));

  const actions = {
    undo: () => store.undo(),
    redo: () => store.redo(),
    hold: () => {
      scene.held = scene.held || !scene.run?.isWhole ? null : { run: scene.run, label: describe(scene.run) };
      hold.setAttribute("aria-pressed", String(scene.held !== null));
      hold.textContent = scene.held ? `held: ${scene.held.label}` : "hold";
      loop.markAll();
    },
    help: () => help.showModal(),
    /** @param {number} number from 0 */
    preset: async (number) => {
      const preset = PRESETS[number];
      if (!preset) return;
      const { experiment, view } = await decodeLink(preset.hash);
      store.replace(experiment, { label: `preset “${preset.name}”` }, { ...view, span: null });
    },
    newDraw: () => {
      const seed = (store.experiment.recurrent.seed + 1) % 2 ** 53;
      store.edit({ "recurrent.seed": seed }, { label: `seed → ${seed}` });
    },
  };
  undo.innerHTML = ICONS.undo;
  redo.innerHTML = ICONS.redo;
  undo.addEventListener("click", actions.undo, { signal });
  redo.addEventListener("click", actions.redo, { signal });
  hold.addEventListener("click", actions.hold, { signal });
  button("help").addEventListener("click", actions.help, { signal });

  PRESETS.forEach(({ name }, k) => presets.add(new Option(k < BY_DIGIT ? `${k + 1}  ${name}` : name, String(k))));
  presets.addEventListener("change", () => {
    void actions.preset(Number(presets.value));
    presets.selectedIndex = 0;
  }, { signal });

  const show = () => {
    for (const [each, label, word] of /** @type {Array<[HTMLButtonElement, string | null, string]>} */ ([[undo, store.undoLabel, "undo"], [redo, store.redoLabel, "redo"]])) {
      const title = label === null ? `nothing to ${word}` : `${word}: ${label}`;
      if (each.disabled !== (label === null)) each.disabled = label === null;
      writeAttribute(each, "title", title);
      writeAttribute(each, "aria-label", title);
    }
  };
  store.subscribe(show, signal);
  show();
  return actions;
}

/** @param {import("../net/run.js").Run} run */
function describe({ experiment: { recurrent, cell }, window: { t0, t1 }, T }) {
  const part = t1 - t0 < T ? `, t ${t0 + 1}–${t1}` : "";
  const size = recurrent.gain === null ? `ρ ${plain(recurrent.spectral_radius ?? 1, 4)}` : `g ${plain(recurrent.gain, 4)}`;
  return `${size}, ${hasGates(cell) ? cellInfo(cell).name : cell.activation}${part}`;
}
