/** Share: the link, and code that shows the present state in a page, a deck or a notebook, with a look at how it will be. */
import { embedAddress, FORMATS, isOfThisMachine, snippet } from "../state/snippets.js";
import { writeHidden, writeText } from "../render/write.js";

/** @typedef {import("../state/snippets.js").Format} Format */

/** @type {ReadonlyArray<{name: string, width: number, height: number, isFluid: boolean}>} */
const SIZES = Object.freeze([
  { name: "960 × 540, a slide", width: 960, height: 540, isFluid: false },
  { name: "800 × 600", width: 800, height: 600, isFluid: false },
  { name: "480 × 320", width: 480, height: 320, isFluid: false },
  { name: "as wide as the page, 16:9", width: 960, height: 540, isFluid: true },
]);
const CONTROLS = Object.freeze([["min", "ρ and the clock"], ["none", "none"], ["full", "all"]]);
const THEMES = Object.freeze([["auto", "as the reader has it"], ["light", "light"], ["dark", "dark"], ["projector", "projector"]]);
const PANELS = Object.freeze([["verdict", "verdict"], ["top", "upper panel"], ["bottom", "lower panel"], ["side", "side panel"], ["corner", "weights"], ["time", "time line"]]);
/** What /embed shows if nothing is said: then nothing need be. */
const DEFAULTS = Object.freeze({ view: "verdict,top,bottom,time", controls: "min", theme: "auto" });

/** @param {readonly (readonly string[])[]} pairs */
const options = (pairs) => pairs.map(([value, text]) => `<option value="${value}">${text}</option>`).join("");

/**
 * @param {HTMLDialogElement} dialog @param {HTMLButtonElement} button opens it
 * @param {{link: () => Promise<string>, title: () => string}} present  the address of what stands, and a line that says what it is
 * @param {AbortSignal} signal
 */
export function mountShareSheet(dialog, button, { link, title }, signal) {
  dialog.innerHTML = `
    <form method="dialog"><button class="close" aria-label="close">×</button></form>
    <h2 id="share-title">Share</h2>
    <div class="share-formats" role="tablist" aria-label="format">${FORMATS.map(({ format, name }) => `<button type="button" role="tab" id="share-${format}" data-format="${format}" aria-controls="share-panel">${name.replace("<", "&lt;")}</button>`).join("")}</div>
    <div class="share-body" id="share-panel" role="tabpanel">
      <p class="share-says"></p>
      <div class="share-code"><textarea readonly spellcheck="false" rows="5" aria-label="code"></textarea><button type="button" class="share-copy primary">copy</button></div>
      <p class="share-warning" role="note" hidden></p>
      <div class="share-choices">
        <div class="field"><label for="share-size">size</label><select id="share-size">${options(SIZES.map(({ name }, k) => [String(k), name]))}</select></div>
        <div class="field"><label for="share-controls">controls</label><select id="share-controls">${options(CONTROLS)}</select></div>
        <div class="field"><label for="share-theme">theme</label><select id="share-theme">${options(THEMES)}</select></div>
        <fieldset><legend>shows</legend>${PANELS.map(([value, text]) => `<label><input type="checkbox" name="view" value="${value}"> ${text}</label>`).join("")}</fieldset>
      </div>
      <div class="share-preview" aria-label="preview"></div>
    </div>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (dialog.querySelector(selector));
  const tabs = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll("[role=tab]")]);
  const code = /** @type {HTMLTextAreaElement} */ (find("textarea"));
  const [size, controls, theme] = ["#share-size", "#share-controls", "#share-theme"].map((selector) => /** @type {HTMLSelectElement} */ (find(selector)));
  const boxes = /** @type {HTMLInputElement[]} */ ([...dialog.querySelectorAll("[name=view]")]);
  const [says, warning, choices, preview, copyButton] = [".share-says", ".share-warning", ".share-choices", ".share-preview", ".share-copy"].map(find);
  /** @type {Format} */
  let format = "link";
  let page = "";
  let called = "";
  for (const box of boxes) box.checked = DEFAULTS.view.split(",").includes(box.value);

  function chosen() {
    const given = { view: boxes.filter(({ checked }) => checked).map(({ value }) => value).join(","), controls: controls?.value ?? "", theme: theme?.value ?? "" };
    return Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== "" && value !== DEFAULTS[/** @type {keyof typeof DEFAULTS} */ (name)]));
  }

  function show() {
    const shape = SIZES[Number(size?.value)] ?? /** @type {typeof SIZES[number]} */ (SIZES[0]);
    const query = chosen();
    const embed = embedAddress(page, query);
    code.value = snippet(format, { page, embed, card: new URL("card.png", embed).href, module: new URL("rho-scope.js", embed).href, title: called, size: shape, options: query });
    for (const tab of tabs) {
      const isChosen = tab.dataset.format === format;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    find("#share-panel").setAttribute("aria-labelledby", `share-${format}`);
    writeText(says, FORMATS.find((each) => each.format === format)?.says ?? "");
    if (warning) writeHidden(warning, !isOfThisMachine(page));
    writeText(warning, "This address is of this machine alone: others need a server that they can reach.");
    const hasFrame = format !== "link" && format !== "markdown";
    if (choices) writeHidden(choices, !hasFrame);
    if (preview) writeHidden(preview, !hasFrame);
    writeText(copyButton, "copy");
    if (hasFrame && preview && dialog.open) look(preview, embed, shape);
  }

  dialog.addEventListener("click", ({ target }) => {
    // A press on the backdrop is one on the dialog's own edge.
    if (target === dialog) return dialog.close();
    const tab = target instanceof Element ? target.closest("[role=tab]") : null;
    if (tab instanceof HTMLElement) choose(/** @type {Format} */ (tab.dataset.format));
  }, { signal });
  find(".share-formats").addEventListener("keydown", ({ key }) => {
    const at = FORMATS.findIndex((each) => each.format === format);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: FORMATS.length - 1 }[key];
    if (next === undefined) return;
    choose(/** @type {typeof FORMATS[number]} */ (FORMATS[(next + FORMATS.length) % FORMATS.length]).format);
    tabs.find((tab) => tab.dataset.format === format)?.focus();
  }, { signal });
  choices?.addEventListener("input", show, { signal });
  code.addEventListener("focus", () => code.select(), { signal });
  copyButton?.addEventListener("click", async () => writeText(copyButton, (await copyFrom(code)) ? "copied" : "press Ctrl C"), { signal });
  // What was looked at stops with the dialog, and the focus is where it was.
  dialog.addEventListener("close", () => {
    preview?.replaceChildren();
    button.focus();
  }, { signal });
  button.addEventListener("click", async () => {
    [page, called] = [await link(), title()];
    dialog.showModal();
    show();
    copyButton?.focus();
  }, { signal });

  /** @param {Format} next */
  function choose(next) {
    format = next;
    show();
  }
}

/** By the clipboard, or by what stands selected, which asks for no permission. @param {HTMLTextAreaElement} code */
async function copyFrom(code) {
  // Inside an open dialog nothing outside of it can be selected.
  code.select();
  try {
    await navigator.clipboard.writeText(code.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

/** The embed itself at its own size, made to fit. @param {HTMLElement} box @param {string} embed @param {{width: number, height: number}} size */
function look(box, embed, { width, height }) {
  const scale = Math.min(box.clientWidth / width, box.clientHeight / height, 1);
  const frame = /** @type {HTMLIFrameElement} */ (box.firstElementChild ?? document.createElement("iframe"));
  Object.assign(frame, { title: "preview of the embed", loading: "lazy" });
  Object.assign(frame.style, { width: `${width}px`, height: `${height}px`, transform: `scale(${scale})` });
  if (frame.src !== embed) frame.src = embed;
  if (!frame.isConnected) box.append(frame);
}
