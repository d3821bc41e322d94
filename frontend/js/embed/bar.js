/** What stands around the panels of an embed: its title above; below the controls that were asked for, the way back, and the way out. */
import { writeHidden } from "../render/write.js";
import { FIELD_NAMED } from "../state/fields.js";
import { ICONS } from "../ui/icons.js";

/** @typedef {import("./options.js").EmbedOptions} EmbedOptions */

const MIN = Object.freeze(["rho", "clock"]);
/** Controls that are no row of one field. @type {Readonly<Record<string, string>>} */
const ELEMENTS = Object.freeze({ rho: ".rho-control", clock: ".clock", alpha: ".normality-control", compare: ".field.compare", forget: ".forget-bias", text: ".text-input" });

/** The controls that are shown in the bar, by name, and whether all others are beside the panels. @param {Pick<EmbedOptions, "controls" | "hide">} options */
export function controlsOf({ controls, hide }) {
  const hidden = new Set(/** @type {readonly string[]} */ (hide));
  const isFull = controls.includes("full");
  const names = controls.flatMap((name) => (name === "min" ? MIN : name === "none" ? [] : name === "full" ? ["clock"] : [name]));
  return { isFull, names: [...new Set(names)].filter((name) => !hidden.has(name)), hidden };
}

/** @param {string} name @returns {HTMLElement | null} */
function elementOf(name) {
  const path = FIELD_NAMED.get(name)?.path ?? "";
  const selector = ELEMENTS[name] ?? (name === "form" ? "#form-choice" : `#field-${path.replace(/[._]/g, "-")}`);
  const found = document.querySelector(selector);
  return found instanceof HTMLElement ? /** @type {HTMLElement} */ (found.closest(".field") ?? found) : null;
}

/**
 * @param {EmbedOptions} options
 * @param {{reset: () => void, link: () => Promise<string>}} actions
 * @param {AbortSignal} signal
 */
export function mountBar(options, { reset, link }, signal) {
  const { isFull, names, hidden } = controlsOf(options);
  const root = document.documentElement;
  root.classList.toggle("has-all-controls", isFull);
  root.classList.toggle("has-no-menus", hidden.has("menus"));
  for (const name of hidden) elementOf(name)?.classList.add("is-left-out");
  const isTitled = options.title && !hidden.has("title");
  if (isTitled) document.title = options.title;
  // A frame has no masthead; who walks it by its headings finds one all the same.
  const title = document.createElement("h1");
  title.className = isTitled ? "embed-title" : "visually-hidden";
  title.textContent = options.title || "Rhoscope";
  document.querySelector(".verdict-row")?.before(title);

  const bar = document.createElement("section");
  bar.className = "embed-bar";
  bar.setAttribute("aria-label", "controls");
  for (const name of isFull ? ["clock"] : names) {
    const element = elementOf(name);
    if (element) bar.append(element);
  }
  const drawer = button("embed-drawer", "controls", "all controls of the network");
  drawer.setAttribute("aria-expanded", "false");
  drawer.addEventListener("click", () => drawer.setAttribute("aria-expanded", String(root.classList.toggle("has-drawer-open"))), { signal });
  document.addEventListener("keydown", ({ key, defaultPrevented }) => {
    if (key !== "Escape" || defaultPrevented || !root.classList.contains("has-drawer-open")) return;
    root.classList.remove("has-drawer-open");
    drawer.setAttribute("aria-expanded", "false");
    drawer.focus();
  }, { signal });
  const back = button("embed-reset", "", "back to how this was prepared");
  back.innerHTML = ICONS.undo;
  back.hidden = true;
  back.addEventListener("click", reset, { signal });
  const out = document.createElement("a");
  Object.assign(out, { className: "embed-out", target: "_blank", rel: "noopener", textContent: "Rhoscope ↗", title: "open this in the whole instrument" });
  out.href = "./";
  // The address is made when it is asked for: it changes with every hand.
  for (const name of ["pointerdown", "focus"]) out.addEventListener(name, () => void link().then((href) => (out.href = href)), { signal });
  if (isFull) bar.append(drawer);
  if (!hidden.has("reset")) bar.append(back);
  if (!hidden.has("link")) bar.append(out);
  const isBare = options.controls.length === 1 && options.controls[0] === "none";
  if (!isBare) document.body.append(bar);
  return {
    /** Whether what stands here is another thing than what was prepared. @param {boolean} isChanged */
    offerReset: (isChanged) => writeHidden(back, !isChanged),
  };
}

/** @param {string} name @param {string} text @param {string} title */
function button(name, text, title) {
  const element = document.createElement("button");
  Object.assign(element, { type: "button", className: name, textContent: text, title });
  if (!text) element.setAttribute("aria-label", title);
  return element;
}
