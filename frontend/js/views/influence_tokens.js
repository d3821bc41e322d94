/** Which tokens of a text a state still knows, and by how many decades less than the strongest. */
import { quoted, tokenText } from "../render/token_text.js";

/** @typedef {import("./influence.js").Influence} Influence */

/** What is within so many decades of the strongest input still matters. */
export const MATTERS = 1;
/** So many tokens are named one by one, where there is room. */
const MOST_NAMED = 12;

/**
 * How many decades each input lies below the strongest, as the state at a step has them: of the inputs up to it.
 * @param {Influence} map @param {number} t from 1 @returns {number[]} empty where the map has bins, or no such step
 */
export function decadesAt({ edges, values }, t) {
  const n = edges.length - 1;
  const row = t - 1 - (edges[0] ?? 0);
  if (row < 0 || row >= n || (edges[n] ?? 0) - (edges[0] ?? 0) !== n) return [];
  const known = Array.from({ length: row + 1 }, (_, k) => values[row * n + k] ?? -Infinity);
  const strongest = Math.max(...known);
  return known.map((value) => (strongest === -Infinity ? Infinity : strongest - value));
}

/** @param {number} decades below the strongest */
export const belowText = (decades) => (decades === Infinity ? "−∞" : decades < 0.05 ? "0" : `−${decades.toFixed(1)}`);

/**
 * The same in words: lines, each in forms from long to short; null where the steps have no tokens, or no column each.
 * @param {Influence} map @param {number} t from 1 @param {(step: number) => string | null} tokenAt of a step, from 0
 * @returns {string[][] | null}
 */
export function tokenWordsAt(map, t, tokenAt) {
  const below = decadesAt(map, t);
  const start = map.edges[0] ?? 0;
  const tokens = below.map((_, k) => tokenAt(start + k));
  if (tokens.every((token) => token === null)) return null;
  const name = (/** @type {number} */ k) => (tokens[k] === null || tokens[k] === undefined ? `x at ${start + k + 1}` : quoted(tokens[k]));
  const here = [`after ${name(below.length - 1)}, t = ${t}`, `after ${name(below.length - 1)}`, `t = ${t}`];
  if (below.every((decades) => decades === Infinity)) return [here, ["no token has any influence", "none matters"]];
  const [first = 0] = below;
  const strongest = below.indexOf(0);
  const oldest = first === Infinity ? [`${name(0)}: nothing is left`] : first === 0
    ? [`${name(0)} is the strongest`]
    : [`${name(0)}: ${first.toFixed(1)} decades less than the strongest, ${name(strongest)}`, `${name(0)}: ${first.toFixed(1)} decades less`, `${name(0)}: ${belowText(first)}`];
  const matter = below.flatMap((decades, k) => (decades <= MATTERS ? [k] : [])).reverse();
  const shown = matter.slice(0, MOST_NAMED).map((k) => (tokens[k] ? tokenText(tokens[k]) : `x at ${start + k + 1}`));
  return [here, oldest, listForms(shown, matter.length)];
}

/** @param {readonly string[]} names the latest first @param {number} count of all @returns {string[]} */
function listForms(names, count) {
  const isolated = names.map((name) => `\u2068${name}\u2069`);
  const lists = Array.from({ length: names.length }, (_, k) => {
    const shown = names.length - k;
    return `${isolated.slice(0, shown).join(", ")}${count > shown ? ` and ${count - shown} more` : ""}`;
  });
  return [
    ...(lists[0] ? [`still matter, within a decade: ${lists[0]}`] : []),
    ...lists.map((list) => `still matter: ${list}`), `${count} matter`,
  ];
}
