/** Why steps can't run side by side, as a picture: what must wait for what, with as many processors as one likes. */

const BOX = Object.freeze({ width: 30, height: 20, gap: 12, top: 26 });
const SHOWN = 5;

const sub = (/** @type {string} */ symbol, /** @type {string} */ index) => `${symbol}<tspan dy="3" font-size="70%">${index}</tspan>`;

/** @param {number} x @param {number} y @param {string} words @param {string} [kind] */
const box = (x, y, words, kind = "") => `<g class="box ${kind}"><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="4"/><text x="${x + BOX.width / 2}" y="${y + 14}">${words}</text></g>`;

/** A chain: each state waits for the one before. */
function chain() {
  const step = BOX.width + BOX.gap;
  const names = ["1", "2", "3", "…", "T"];
  const boxes = names.map((name, k) => (name === "…" ? `<text class="dots" x="${k * step + BOX.width / 2}" y="${BOX.top + 13}">…</text>` : box(k * step, BOX.top, sub("h", name))));
  const arrows = names.slice(1).map((_, k) => `<path d="M${k * step + BOX.width + 1} ${BOX.top + BOX.height / 2}h${BOX.gap - 3}" marker-end="url(#path-head)"/>`);
  return `<g>${boxes.join("")}${arrows.join("")}</g>`;
}

/** All at once: every output looks at every input up to its own. @param {number} left */
function looks(left) {
  const step = BOX.width + BOX.gap;
  const [inputs, outputs] = [BOX.top + 30, BOX.top - 22];
  const names = ["1", "2", "3", "…", "T"];
  const lines = names.flatMap((_, k) => names.slice(0, k + 1).map((__, s) => `<path class="look" d="M${left + s * step + BOX.width / 2} ${inputs}L${left + k * step + BOX.width / 2} ${outputs + BOX.height}"/>`));
  const row = (/** @type {string} */ symbol, /** @type {number} */ y) => names.map((name, k) => (name === "…" ? `<text class="dots" x="${left + k * step + BOX.width / 2}" y="${y + 13}">…</text>` : box(left + k * step, y, sub(symbol, name)))).join("");
  return `<g>${lines.join("")}${row("x", inputs)}${row("o", outputs)}</g>`;
}

/** The picture of one network: its chain, or the looks of attention. @param {"recurrent" | "attention"} kind */
export function pathPicture(kind) {
  const width = SHOWN * BOX.width + (SHOWN - 1) * BOX.gap;
  const words = kind === "recurrent" ? "a chain of states: each waits for the one before" : "every output looks at all inputs up to its own, none waits for another";
  return `<svg class="path-picture" viewBox="-1 2 ${width + 2} 76" role="img" aria-label="${words}"><defs><marker id="path-head" viewBox="0 0 6 6" refX="4" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs>${kind === "recurrent" ? chain() : looks(0)}</svg>`;
}
