/** What was done, step by step, to be read and gone back to. */
import { countEdits, MATRICES, MATRIX_NAMES } from "../state/edits.js";
import { writeAttribute, writeText } from "../render/write.js";
import { closeOnLeaving } from "./popup.js";

/** @param {HTMLElement} masthead @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountHistory(masthead, store, signal) {
  const details = /** @type {HTMLDetailsElement} */ (masthead.querySelector("details.history"));
  details.innerHTML = `<summary title="what was done, step by step">history</summary>
    <div class="popup history-body"><ol aria-label="steps, the newest first"></ol><button type="button" class="reset"></button></div>`;
  const list = /** @type {HTMLOListElement} */ (details.querySelector("ol"));
  const reset = /** @type {HTMLButtonElement} */ (details.querySelector(".reset"));

  function show() {
    if (!details.open) return;
    const { labels, position } = store.history;
    const rows = labels.map((label, k) => {
      const row = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.position = String(k);
      writeText(button, label);
      if (k === position) writeAttribute(button, "aria-current", "step");
      if (k > position) button.classList.add("undone");
      row.append(button);
      return row;
    });
    list.replaceChildren(...rows.reverse());
    const count = countEdits(store.experiment);
    reset.disabled = count === 0;
    writeText(reset, count === 0 ? "no weights are edited" : `reset ${count} operation${count > 1 ? "s" : ""} on weights`);
  }

  list.addEventListener("click", ({ target }) => {
    const position = target instanceof HTMLElement ? target.dataset.position : undefined;
    if (position === undefined) return;
    store.goTo(Number(position));
    // The list was made anew: the same step keeps the focus.
    /** @type {HTMLElement | null} */ (list.querySelector("[aria-current]"))?.focus();
  }, { signal });
  reset.addEventListener("click", () => {
    const none = Object.fromEntries(MATRIX_NAMES.map((name) => [MATRICES[name].path, []]));
    store.edit(none, { label: "reset of the weights" });
  }, { signal });
  details.addEventListener("toggle", show, { signal });
  closeOnLeaving(details, signal);
  store.subscribe((change) => change === "experiment" && show(), signal);
}
