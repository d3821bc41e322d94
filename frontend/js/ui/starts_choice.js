/** How many starts are shown at once, and where the further ones lie: a menu in the head of a panel. */
import { MOST_STARTS, startsIn, wordOfStarts } from "../state/starts.js";

const COUNTS = Object.freeze(Array.from({ length: MOST_STARTS - 1 }, (_, k) => k + 2));
const NAMES = Object.freeze({ far: "starts", near: "close starts" });

/** @param {HTMLElement} element to stand in @param {import("../state/store.js").Store} store @param {{least?: number}} options @param {AbortSignal} signal */
export function mountStartsChoice(element, store, { least = 1 }, signal) {
  const select = document.createElement("select");
  select.className = "quantity starts";
  select.setAttribute("aria-label", "how many starts");
  select.title = "starts of the same network under the same input: the first is h₀, the others are drawn far from one another in opposite pairs, or a millionth from the first";
  const options = (/** @type {"far" | "near"} */ distance) => COUNTS.map((count) => new Option(`${count} ${NAMES[distance]}`, wordOfStarts({ count, distance })));
  if (least === 1) select.append(new Option("1 start", "1"));
  for (const [distance, label] of /** @type {const} */ ([["far", "far apart"], ["near", "10⁻⁶ from the first"]])) {
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...options(distance));
    select.append(group);
  }
  element.append(select);
  select.addEventListener("change", () => store.look({ starts: startsIn(select.value) ?? store.view.starts }), { signal });
  function show() {
    const value = wordOfStarts(store.view.starts);
    if (select.value !== value) select.value = value;
  }
  store.subscribe(show, signal);
  show();
}
