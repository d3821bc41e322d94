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
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (document.querySelector("dialog[open]")) return true;
  if (event.ctrlKey || event.metaKey) return target instanceof HTMLInputElement && target.type === "text" && target.classList.contains("index");
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox" && (target.type !== "range" || event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End");
  return event.key === " " && (target instanceof HTMLButtonElement || target.tagName === "SUMMARY");
}

/** @param {string} key */
export const plainKey = (key) => (/** @type {KeyboardEvent} */ event) => event.key === key && !event.ctrlKey && !event.metaKey && !event.altKey;

/** @param {HTMLDialogElement} dialog @param {readonly Keys[]} bindings */
export function fillHelp(dialog, bindings) {
  const rows = bindings.map(({ shown, does }) => `<tr><th scope="row"><kbd>${shown}</kbd></th><td>${does}</td></tr>`).join("");
  const table = dialog.querySelector("table");
  if (table) table.innerHTML = rows;
}
