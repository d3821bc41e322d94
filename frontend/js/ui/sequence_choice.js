/** Of a batch [B, T, D]: which sequence the panels show, or the mean of all with its spread. */
import { writeHidden } from "../render/write.js";

/** @param {HTMLElement} head of a panel @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mountSequenceChoice(head, scene, signal) {
  const { store } = scene;
  const select = document.createElement("select");
  select.className = "quantity sequence";
  select.setAttribute("aria-label", "which sequence of the batch is shown");
  select.title = "mean: of states as they are, of norms and gradients of their logarithms; spread: from the least to the largest";
  head.querySelector(".panel-detail")?.after(select);
  let offered = 0;

  function show() {
    const { batch_size: B } = store.experiment;
    writeHidden(select, B === 1);
    if (B !== offered) {
      offered = B;
      const each = Array.from({ length: B }, (_, b) => new Option(`sequence ${b + 1} of ${B}`, String(b)));
      select.replaceChildren(new Option(`mean and spread of ${B}`, "mean"), ...each);
    }
    const value = String(store.view.sequence);
    if (select.value !== value) select.value = value;
  }
  select.addEventListener("change", () => store.look({ sequence: select.value === "mean" ? "mean" : Number(select.value) }), { signal });
  store.subscribe(show, signal);
  show();
}
