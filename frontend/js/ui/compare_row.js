/** What the network is held against: a button for every other cell, and for what has no state at all. */
import { cellInfo } from "../state/cells.js";
import { COMPARED_KINDS, longNameOf, nameOf } from "../state/compare.js";
import { writeAttribute, writeHidden } from "../render/write.js";

/** @param {HTMLElement} form the controls @param {import("../render/scene.js").Scene} scene @param {AbortSignal} signal */
export function mountCompareRow(form, { store, loop }, signal) {
  const element = document.createElement("div");
  element.className = "field compare";
  element.innerHTML = `<span id="compare-label" title="on the same input, seed and loss, in the same axes">compare with</span><div class="compare-kinds" role="group" aria-labelledby="compare-label"></div>`;
  /** @type {HTMLElement} */ (form.querySelector("fieldset")).append(element);
  const group = /** @type {HTMLElement} */ (element.querySelector(".compare-kinds"));
  const buttons = COMPARED_KINDS.map((kind) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = nameOf(kind);
    button.title = titleOf(kind);
    button.addEventListener("click", () => toggle(kind), { signal });
    group.append(button);
    return { kind, button };
  });

  /** @param {import("../state/compare.js").ComparedKind} kind */
  function toggle(kind) {
    const { compare } = store.view;
    store.look({ compare: compare.includes(kind) ? compare.filter((each) => each !== kind) : [...compare, kind] });
  }

  function show() {
    const { experiment: { cell }, view: { compare } } = store;
    for (const { kind, button } of buttons) {
      writeHidden(button, kind === cell.kind);
      writeAttribute(button, "aria-pressed", String(compare.includes(kind)));
    }
  }
  store.subscribe(() => loop.mark("compare_row"), signal);
  loop.addLayer("compare_row", show, signal);
  show();
}

/** @param {import("../state/compare.js").ComparedKind} kind */
function titleOf(kind) {
  if (kind === "feedforward") return "an Elman network without a state: W_hh = 0, every h_t is made of x_t alone";
  if (kind === "attention") return "one head of causal self-attention: every step looks at all before it, nothing is carried on";
  return `${longNameOf(kind)}: ${cellInfo({ kind }).blocks.length > 1 ? "the same draw for every gate" : "the same activation"}, the same input, seed and loss`;
}
