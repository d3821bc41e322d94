/** Keys that work anywhere on the page, except where a field needs them. */

/**
 * @typedef {object} Keys
 * @property {string} shown  as the help writes it
 * @property {string} does
 * @property {(event: KeyboardEvent) => boolean} matches
 * @property {(event: KeyboardEvent) => void} act
 */

/**
 * Says that an input's text is part of the Experiment while it is typed: then undo is the
 * Experiment's, since the browser's own would type older text into it anew.
 * @param {HTMLInputElement | HTMLTextAreaElement} input
 */
export function markLive(input) {
  input.dataset.live = "";
}

/** @param {readonly Keys[]} bindings @param {AbortSignal} signal */
export function bindKeys(bindings, signal) {
  /** The input that has been typed in since it got the focus. @type {EventTarget | null} */
  let typedIn = null;
  document.addEventListener("input", ({ target }) => (typedIn = target), { signal });
  document.addEventListener("focusin", () => (typedIn = null), { signal });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isTaken(event, event.target === typedIn)) return;
    const binding = bindings.find(({ matches }) => matches(event));
    if (!binding) return;
    event.preventDefault();
    if (!forgetUnfit(event.target)) binding.act(event);
  }, { signal });
}

/** What is typed but is no value is not in the Experiment; it is what is undone first. @param {EventTarget | null} target */
function forgetUnfit(target) {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) || target.getAttribute("aria-invalid") !== "true") return false;
  const text = target.value;
  target.blur(); // which brings back what stands
  target.focus();
  return target.value !== text;
}

/** Whether the focused element uses the key itself. @param {KeyboardEvent} event @param {boolean} isTypedIn */
function isTaken(event, isTypedIn) {
  const { target, key } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (document.querySelector("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) {
    if (target.type === "checkbox") return key === " ";
    if (target.type === "range") return key.startsWith("Arrow") || key === "Home" || key === "End";
    // Other typing is undone in the field itself, the Experiment only where nothing was typed.
    return event.ctrlKey || event.metaKey ? isTypedIn && !("live" in target.dataset) : true;
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
