/** In which plane the states are seen: two principal components, or two units that are typed or stepped. */
import { writeAttribute, writeHidden } from "../render/write.js";
import { hasPlanes } from "../state/starts.js";

/** @param {HTMLElement} element to stand in @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountPlaneChoice(element, store, signal) {
  element.insertAdjacentHTML("beforeend", `<span class="plane"><select class="quantity" aria-label="plane" title="the plane in which the states are seen: their two widest directions, or two units">
    <option value="components">PC 1, 2</option><option value="units">units</option></select><span class="plane-units"><input type="number" min="1" step="1" aria-label="unit across"> <input type="number" min="1" step="1" aria-label="unit upwards"></span></span>`);
  const whole = /** @type {HTMLElement} */ (element.querySelector(".plane"));
  const select = /** @type {HTMLSelectElement} */ (whole.querySelector("select"));
  const units = /** @type {HTMLElement} */ (whole.querySelector(".plane-units"));
  const inputs = /** @type {HTMLInputElement[]} */ ([...whole.querySelectorAll("input")]);
  /** Those that were looked at last are chosen again. @type {readonly [number, number]} */
  let latest = [0, 1];

  select.addEventListener("change", () => {
    const { hidden_size: H } = store.experiment.cell;
    store.look({ plane: select.value === "units" ? (latest.every((unit) => unit < H) ? latest : [0, 1]) : null });
  }, { signal });
  inputs.forEach((input, side) => {
    input.addEventListener("input", () => {
      const next = store.view.plane && movedPlane(store.view.plane, side, Number(input.value) - 1, store.experiment.cell.hidden_size);
      writeAttribute(input, "aria-invalid", String(!next));
      if (next) store.look({ plane: next });
    }, { signal });
    input.addEventListener("blur", () => show(true), { signal });
  });

  function show(isForced = false) {
    const { plane } = store.view;
    const { hidden_size: H } = store.experiment.cell;
    writeHidden(whole, !hasPlanes(H));
    writeHidden(units, !plane);
    const value = plane ? "units" : "components";
    if (select.value !== value) select.value = value;
    if (!plane) return;
    latest = plane;
    inputs.forEach((input, side) => {
      const text = String((plane[side] ?? 0) + 1);
      if (input.max !== String(H)) input.max = String(H);
      // What is being typed stays, but where a step went past the other unit.
      const isTyped = document.activeElement === input && input.getAttribute("aria-invalid") === "true";
      if (input.value !== text && (isForced || !isTyped)) input.value = text;
      if (isForced) writeAttribute(input, "aria-invalid", "false");
    });
  }
  store.subscribe(() => show(), signal);
  show();
}

/**
 * The plane with another unit on one side; a unit that is on the other side already is stepped over.
 * @param {readonly [number, number]} plane @param {number} side 0 across, 1 upwards
 * @param {number} unit from 0 @param {number} H
 * @returns {[number, number] | null} null where that is no unit
 */
export function movedPlane(plane, side, unit, H) {
  if (!Number.isInteger(unit) || unit < 0 || unit >= H) return null;
  const other = plane[1 - side] ?? 0;
  const way = Math.sign(unit - (plane[side] ?? 0)) || 1;
  const beside = unit !== other ? unit : [unit + way, unit - way].find((each) => each >= 0 && each < H);
  if (beside === undefined) return null;
  return side === 0 ? [beside, other] : [other, beside];
}
