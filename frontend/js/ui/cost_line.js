/** What T costs and what it does not: the same parameters serve every length. */
import { whole } from "../render/format.js";
import { writeAttribute, writeText } from "../render/write.js";
import { formulasOf, sizesOf } from "../state/sizes.js";

/** @param {HTMLElement} group the controls it belongs to @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountCostLine(group, store, signal) {
  const element = document.createElement("p");
  element.className = "cost-line";
  element.innerHTML = `<span></span> · <span></span>`;
  group.querySelector('[id="field-steps"]')?.closest(".field")?.after(element);
  const [parameters, products] = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("span")]);

  function show() {
    const { experiment } = store;
    const { kind, layers } = experiment.cell;
    const sizes = sizesOf(kind, experiment);
    const formulas = formulasOf(kind, layers);
    const batch = experiment.batch_size > 1 ? ` for each of ${experiment.batch_size} sequences` : "";
    writeText(parameters, `${whole(sizes.parameters)} parameters at every T`);
    writeText(products, `${whole(sizes.products)} multiply–adds${batch}`);
    if (parameters) writeAttribute(parameters, "title", formulas.parameters);
    if (products) writeAttribute(products, "title", formulas.products);
  }
  store.subscribe((change) => change === "experiment" && show(), signal);
  show();
}
