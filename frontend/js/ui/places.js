/** Which view stands in which place: a menu in the title of each panel over time. */
import { writeAttribute, writeHidden } from "../render/write.js";
import { ICONS } from "./icons.js";

/** @typedef {import("../state/store.js").Place} Place */

/** The views that each place offers, with their titles. */
const VIEWS = Object.freeze(/** @type {const} */ ({
  top: { hidden_states: "Hidden states", influence: "Influence map", dimensions: "Dimensions", atlas: "Atlas of ρ" },
  bottom: { norms: "Norms and gradients", powers: "Powers of W_hh", race: "Memory of the start", cost: "Cost", atlas: "Atlas of ρ" },
  side: { eigenvalues: "Eigenvalues", state_space: "State space", lyapunov: "Lyapunov exponents" },
}));

/** What may stand second on a projector, which has room for two panels. */
const SECOND = Object.freeze(/** @type {const} */ ({ bottom: "norms and the like", side: "eigenvalues and the like", corner: "weights" }));

const WORDS = Object.freeze({ top: "upper", bottom: "second", side: "side" });

/**
 * On a projector: the next of the panels that stand below or beside the first.
 * @param {import("../state/store.js").Store} store @param {HTMLButtonElement} button @param {HTMLElement} main @param {AbortSignal} signal
 */
export function mountSecond(store, button, main, signal) {
  const order = /** @type {import("../state/linked_view.js").Second[]} */ (Object.keys(SECOND));
  const next = () => order[(order.indexOf(store.view.second) + 1) % order.length] ?? "bottom";
  const cycle = () => store.look({ second: next() });
  button.innerHTML = ICONS.second;
  button.addEventListener("click", cycle, { signal });
  function show() {
    main.dataset.second = store.view.second;
    writeAttribute(button, "aria-label", `second panel: ${SECOND[store.view.second]}; change to ${SECOND[next()]}`);
    writeAttribute(button, "title", `second panel: ${SECOND[next()]} (b)`);
  }
  store.subscribe(show, signal);
  show();
  return { cycle };
}

/** The title of a panel in a place, as HTML: the menu of its views. @param {Place} place */
export function placeTitle(place) {
  const options = Object.entries(VIEWS[place]).map(([name, title]) => `<option value="${name}">${title}</option>`);
  return `<select class="title-select" data-place="${place}" aria-label="${WORDS[place]} panel shows">${options.join("")}</select>`;
}

/**
 * @param {import("../state/store.js").Store} store
 * @param {Readonly<Record<Place, Readonly<Record<string, HTMLElement>>>>} sections  by place and view
 * @param {AbortSignal} signal
 */
export function mountPlaces(store, sections, signal) {
  const menus = () => /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll("select[data-place]"));
  document.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !target.dataset.place) return;
    const place = /** @type {Place} */ (target.dataset.place);
    const view = target.value;
    store.look({ [place]: view });
    // The menu that was used has gone with its panel: its twin takes over.
    /** @type {HTMLElement | null | undefined} */ (sections[place][view]?.querySelector("select[data-place]"))?.focus();
  }, { signal });
  function show() {
    for (const place of /** @type {Place[]} */ (["top", "bottom", "side"])) {
      for (const [name, section] of Object.entries(sections[place])) writeHidden(section, store.view[place] !== name);
    }
    for (const menu of menus()) {
      const view = store.view[/** @type {Place} */ (menu.dataset.place)];
      if (menu.value !== view) menu.value = view;
    }
  }
  // A preset is a change of the Experiment that may bring its own views.
  store.subscribe(show, signal);
  show();
}
