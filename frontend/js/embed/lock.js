/** What no hand may change here: its controls are there to be read, and the panels can't be taken hold of. */
import { FIELD_NAMED, FIELDS } from "../state/fields.js";

/** Said of every control that is fixed. */
const FIXED = "fixed in this embed";
/** Controls that are not one field's. @type {Readonly<Record<string, readonly string[]>>} */
const ELSEWHERE = Object.freeze({
  ".rho-control": ["recurrent.spectral_radius"],
  ".normality-control": ["recurrent.edits"],
  ".text-input": ["input.text"],
  ".forget-bias": ["bias.forget"],
  ".new-draw": ["recurrent.seed"],
  "#form-choice": ["generation.after"],
});

/** The paths behind names of links; `weights` are all operations on them and the files they come from. @param {readonly string[]} names */
export function pathsOf(names) {
  return new Set(names.flatMap((name) => {
    if (name === "all") return FIELDS.map(({ path }) => path);
    if (name === "weights") return FIELDS.filter(({ type, path }) => type === "edits" || path.startsWith("weights.")).map(({ path }) => path);
    return FIELD_NAMED.get(name)?.path ?? [];
  }));
}

/** @param {import("../state/store.js").Store} store @param {ReadonlySet<string>} paths @param {AbortSignal} signal */
export function mountLock(store, paths, signal) {
  if (paths.size === 0) return;
  store.lock(paths);
  for (const path of paths) disable(document.querySelector(`#field-${path.replace(/[._]/g, "-")}`)?.closest(".field"));
  for (const [selector, needed] of Object.entries(ELSEWHERE)) if (needed.some((path) => paths.has(path))) disable(document.querySelector(selector));
  if (!paths.has("recurrent.edits")) return;
  document.documentElement.classList.add("has-fixed-weights");
  for (const body of document.querySelectorAll(".weights .panel-body, .eigenvalues .panel-body")) {
    for (const name of ["pointerdown", "keydown"]) body.addEventListener(name, (event) => event.stopPropagation(), { signal, capture: true });
  }
}

/** @param {Element | null | undefined} element */
function disable(element) {
  if (!(element instanceof HTMLElement)) return;
  element.title = FIXED;
  const inside = element.matches("input, select, textarea, button") ? [element] : element.querySelectorAll("input, select, textarea, button");
  for (const each of inside) /** @type {HTMLInputElement} */ (each).disabled = true;
}
