/** Keys that work anywhere on the page, except where a field needs them. */

/**
 * @typedef {object} Keys
 * @property {string} shown  as the help writes it
 * @property {string} does
 * @property {(event: KeyboardEvent) => boolean} matches
 * @property {(event: KeyboardEvent) => void} act
 */

/** @param {readonly Keys[]} bindings @param {AbortSignal} signal */
export function bindKeys(bindings, signal) {
  document.addEventListener("focusin", ({ target }) => {
    if (target instanceof HTMLInputElement) target.dataset.atFocus = target.value;
  }, { signal });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isTaken(event)) return;
    const binding = bindings.find(({ matches }) => matches(event));
    if (!binding) return;
    event.preventDefault();
    binding.act(event);
  }, { signal });
}

/** Whether the focused element uses the key itself. @param {KeyboardEvent} event */
function isTaken(event) {
  const { target, key } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (document.querySelector("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) {
    if (target.type === "checkbox") return key === " ";
    if (target.type === "range") return key.startsWith("Arrow") || key === "Home" || key === "End";
    // Typing is undone in the field itself, the Experiment only where nothing was typed.
    return event.ctrlKey || event.metaKey ? target.value !== target.dataset.atFocus : true;
  }
  if (event.ctrlKey || event.metaKey) return false;
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  return key === " " && (target instanceof HTMLButtonElement || target.tagName === "SUMMARY");
}

/** @param {KeyboardEvent} event */
export const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** @param {readonly string[]} keys */
export const plainKey = (...keys) => (/** @type {KeyboardEvent} */ event) => keys.includes(event.key) && !hasModifier(event);

/** @param {HTMLDialogElement} dialog @param {readonly Keys[]} bindings */
export function fillHelp(dialog, bindings) {
  const rows = bindings.map(({ shown, does }) => `<tr><th scope="row"><kbd>${shown}</kbd></th><td>${does}</td></tr>`).join("");
  const table = dialog.querySelector("table");
  if (table) table.innerHTML = rows;
}
