/** Code that shows the present state elsewhere: pure texts, made of one address. */

import { hasGates, cellInfo } from "./cells.js";

/** @typedef {"link" | "iframe" | "reveal" | "quarto" | "jupyter" | "markdown" | "element"} Format */
/** @typedef {{width: number, height: number, isFluid: boolean}} Size  isFluid: as wide as the page allows, in this shape */
/** @typedef {{page: string, embed: string, card: string, module: string, title: string, size: Size, options: Readonly<Record<string, string>>}} Shared  the addresses of the whole page, of the embed, of the picture and of the element */

/** In the order of the dialog. @type {ReadonlyArray<{format: Format, name: string, says: string}>} */
export const FORMATS = Object.freeze([
  { format: "link", name: "Link", says: "Opens the whole instrument with exactly this." },
  { format: "iframe", name: "iframe", says: "For any web page that takes HTML." },
  { format: "reveal", name: "reveal.js", says: "A slide. It plays when it is shown, and the deck's keys keep working." },
  { format: "quarto", name: "Quarto", says: "For a .qmd document or deck, between two paragraphs." },
  { format: "jupyter", name: "Jupyter", says: "A cell that shows it below." },
  { format: "markdown", name: "Markdown", says: "A picture with a link, where HTML is not allowed." },
  { format: "element", name: "<rho-scope>", says: "An element with methods and events, for pages with scripts of their own." },
]);

/** The address of the embed of a page's address. @param {string} page with its hash @param {Readonly<Record<string, string>>} options of /embed, none at its default */
export function embedAddress(page, options) {
  const address = new URL(page);
  address.pathname = address.pathname.replace(/[^/]*$/, "embed");
  // Commas and plus signs may stand in a query as they are, and are easier to read so.
  address.search = Object.entries(options).map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%2C/g, ",")}`).join("&");
  return address.href;
}

/** Whether an address leads to the machine that asks, whichever that is. @param {string} address */
export const isOfThisMachine = (address) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(address).hostname);

/** What an Experiment is called where its picture can't be seen. @param {import("./experiment.js").Experiment} experiment */
export function titleOf({ cell, recurrent: { spectral_radius: rho, gain }, steps }) {
  const kind = hasGates(cell) || cell.kind === "attention" ? cellInfo(cell).name : `${cell.activation} network`;
  return `Rhoscope: ${kind}, ${gain === null ? `ρ = ${rho ?? 1}` : `gain ${gain}`}, H = ${cell.hidden_size}, T = ${steps}`;
}

/** @param {string} text */
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** @param {Shared} shared @param {"src" | "data-src"} [source] */
function iframe({ embed, title, size: { width, height, isFluid } }, source = "src") {
  // A public page may frame one of the reader's own machine only where it says so, and he agrees.
  const allow = `fullscreen; clipboard-write${isOfThisMachine(embed) ? "; local-network-access" : ""}`;
  const sizes = isFluid ? `style="width: 100%; aspect-ratio: ${width} / ${height}; border: 0"` : `width="${width}" height="${height}" style="border: 0; max-width: 100%"`;
  return `<iframe ${source}="${escaped(embed)}" title="${escaped(title)}" ${sizes} ${source === "src" ? `loading="lazy" ` : ""}allow="${allow}"></iframe>`;
}

/** @type {Readonly<Record<Format, (shared: Shared) => string>>} */
const WRITERS = Object.freeze({
  link: ({ page }) => page,
  iframe: (shared) => iframe(shared),
  reveal: (shared) => `<section>\n  ${iframe(shared, "data-src")}\n</section>`,
  quarto: (shared) => `\`\`\`{=html}\n${iframe(shared)}\n\`\`\``,
  jupyter: ({ embed, size: { width, height, isFluid } }) => `from IPython.display import IFrame\n\nIFrame(${JSON.stringify(embed)}, width=${isFluid ? '"100%"' : width}, height=${height})`,
  markdown: ({ page, card, title }) => `[![${title.replace(/[[\]\\]/g, "\\$&")}](<${card}>)](<${page}>)`,
  element: ({ page, module, title, size: { width, height, isFluid }, options }) => {
    const given = Object.entries(options).map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
    const shape = isFluid ? ` aspect="${width} / ${height}"` : ` height="${height}px" style="width: ${width}px; max-width: 100%"`;
    return `<script type="module" src="${escaped(module)}"></script>\n<rho-scope src="${escaped(page.replace(/\?[^#]*/, ""))}" title="${escaped(title)}"${given}${shape}></rho-scope>`;
  },
});

/** @param {Format} format @param {Shared} shared */
export const snippet = (format, shared) => WRITERS[format](shared);
