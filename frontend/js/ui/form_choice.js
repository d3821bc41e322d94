/** The form of the network, as one choice: many-to-one, many-to-many, generation. */
import { changesTo, formOf, FORMS, wordsFor } from "../state/forms.js";
import { writeText } from "../render/write.js";

/** @param {HTMLElement} group the controls it belongs to @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountFormChoice(group, store, signal) {
  const element = document.createElement("div");
  element.className = "field";
  element.innerHTML = `<label for="form-choice">form</label><div class="field-input"><select id="form-choice" aria-describedby="form-choice-hint">${FORMS.map(({ form, name }) => `<option value="${form}">${name}</option>`).join("")}</select></div><small class="field-hint form-hint" id="form-choice-hint"></small>`;
  group.querySelector("legend")?.after(element);
  const select = /** @type {HTMLSelectElement} */ (element.querySelector("select"));
  const hint = /** @type {HTMLElement} */ (element.querySelector("small"));
  select.addEventListener("change", () => {
    const form = /** @type {import("../state/forms.js").Form} */ (select.value);
    store.edit(changesTo(form, store.experiment), { label: `form → ${FORMS.find((each) => each.form === form)?.name}` });
  }, { signal });

  function show() {
    const form = formOf(store.experiment);
    if (select.value !== form) select.value = form;
    writeText(hint, wordsFor(store.experiment));
  }
  store.subscribe((change) => change === "experiment" && show(), signal);
  show();
}
