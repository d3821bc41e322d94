/**
 * The Experiment in the URL hash. Two forms, both a difference from `{}`:
 *   #rho=1.2&H=64&T=200&phi=tanh            where every difference has a short name
 *   #v1.<base64url(deflate-raw(JSON))>      otherwise
 * Either may end in `&t=84`, the cursor. A hash is foreign text: it is bounded, judged field by
 * field, and never throws.
 */
import { ALL_LAYERS } from "./cells.js";
import { fittingKinds } from "./compare.js";
import { DEFAULT_EXPERIMENT, difference, differingFields, readDocument, valueAt, withFields } from "./experiment.js";
import { consequences } from "./forms.js";
import { FIELD_AT, FIELD_NAMED, numberIn, problemWith } from "./fields.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/**
 * What of the View a link carries: the cursor, which view stands where, what is compared.
 * @typedef {{t: number | null, top: TopView, bottom: BottomView, side: SideView, layer: import("./cells.js").Layer, sequence: import("../net/batch.js").Sequence, compare: readonly import("./compare.js").ComparedKind[], hasJacobian: boolean}} LinkedView
 * @typedef {{experiment: Experiment, problems: string[]} & LinkedView} Link
 */

/** The opening view, which is itself a link. */
export const OPENING_HASH = "#rho=1.03&phi=linear";

/** The views that stand in the panels over time; the first of each place needs no word. */
export const TOP_VIEWS = /** @type {const} */ (["hidden_states", "influence", "atlas"]);
export const BOTTOM_VIEWS = /** @type {const} */ (["norms", "powers", "atlas"]);
export const SIDE_VIEWS = /** @type {const} */ (["eigenvalues", "state_space"]);
/** @typedef {typeof SIDE_VIEWS[number]} SideView */
/** @typedef {typeof TOP_VIEWS[number]} TopView */
/** @typedef {typeof BOTTOM_VIEWS[number]} BottomView */

const VIEW_NAMES = Object.freeze(["t", "top", "bottom", "side", "layer", "sequence", "compare", "jacobian"]);
const COMPARE = "compare=";

/** A hash longer than this, or one that inflates past the second, is refused unread. */
const MAX_HASH_CHARS = 200_000;
const MAX_INFLATED_BYTES = 2_000_000;

/**
 * @param {Experiment} experiment
 * @param {number | null} [t]  the cursor's step, 1…T
 * @param {Partial<LinkedView>} [view]
 * @returns {Promise<string>} the hash, with its "#"
 */
export async function encodeLink(experiment, t = null, { top, bottom, side, layer, sequence = 0, compare = [], hasJacobian = false } = {}) {
  const differing = differingFields(experiment);
  const cursor = [...(t === null ? [] : [`t=${t}`]), ...(top && top !== TOP_VIEWS[0] ? [`top=${top}`] : []), ...(bottom && bottom !== BOTTOM_VIEWS[0] ? [`bottom=${bottom}`] : []), ...(side && side !== SIDE_VIEWS[0] ? [`side=${side}`] : []), ...(layer && layer !== "h" ? [`layer=${layer}`] : []), ...(sequence === 0 ? [] : [`sequence=${sequence === "mean" ? "mean" : sequence + 1}`]), ...(compare.length ? [`compare=${compare.join("+")}`] : []), ...(hasJacobian ? ["jacobian=1"] : [])];
  if (differing.every((field) => field.short)) {
    const pairs = differing.map((field) => `${field.short}=${encodeURIComponent(String(valueAt(experiment, field.path)))}`);
    // `{}` itself still needs a word: an empty hash is the opening view.
    if (pairs.length === 0) pairs.push("rho=1");
    return `#${[...pairs, ...cursor].join("&")}`;
  }
  const json = new TextEncoder().encode(JSON.stringify(difference(experiment)));
  const packed = await pump(json, new CompressionStream("deflate-raw"), Infinity);
  return `#${[`v1.${toBase64Url(packed)}`, ...cursor].join("&")}`;
}

/**
 * @param {string} hash with or without its "#"; empty is the opening view
 * @returns {Promise<Link>}
 */
export async function decodeLink(hash) {
  const text = hash.replace(/^#/, "") || OPENING_HASH.slice(1);
  if (text.length > MAX_HASH_CHARS) return refused(`The link is too long: got ${text.length} characters; expected at most ${MAX_HASH_CHARS}.`);
  const version = /^v(\d+)\./.exec(text);
  if (!version) return decodeShort(text);
  if (version[1] !== "1") return refused(`The link is of version ${version[1]}; this page reads version 1. Open it on a newer Rhoscope.`);
  const [packed = "", ...rest] = text.slice(version[0].length).split("&");
  try {
    const json = await pump(fromBase64Url(packed), new DecompressionStream("deflate-raw"), MAX_INFLATED_BYTES);
    const { experiment, problems } = mended(readDocument(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json))));
    return { experiment, ...viewIn(rest, experiment), problems };
  } catch {
    return refused("The link is damaged: its experiment can't be read.");
  }
}

/** @param {string} text @returns {Link} */
function decodeShort(text) {
  /** @type {Record<string, unknown>} */
  const changes = {};
  /** @type {string[]} */
  const problems = [];
  for (const pair of text.split("&").filter(Boolean).slice(0, 64)) {
    const [name = "", raw = ""] = pair.split("=", 2).map(unescapePart);
    if (VIEW_NAMES.includes(name)) continue;
    const field = FIELD_NAMED.get(name);
    if (!field) {
      problems.push(`The link's “${name.slice(0, 40)}” is unknown here; it was left out.`);
      continue;
    }
    const number = numberIn(raw);
    const value = field.type === "choice" || Number.isNaN(number) ? raw : number;
    const problem = problemWith(field, value);
    if (problem) problems.push(`${problem} The default was taken.`);
    else changes[field.path] = value;
  }
  if ("recurrent.gain" in changes && "recurrent.spectral_radius" in changes) {
    problems.push("The link gives both rho and gain; rho was taken.");
    delete changes["recurrent.gain"];
  }
  const link = mended({ experiment: withFields(DEFAULT_EXPERIMENT, changes), problems });
  return { ...link, ...viewIn(text.split("&"), link.experiment) };
}

/**
 * Parts that don't fit one another, generation and sizes or layers, are made to fit, and it is said.
 * @param {{experiment: Experiment, problems: string[]}} read
 */
function mended({ experiment, problems }) {
  const changes = consequences(DEFAULT_EXPERIMENT, experiment);
  // A target of classes or numbers is as the link has it: the server judges it.
  delete changes["loss.target"];
  const said = Object.entries(changes).map(([path, value]) => `The link's parts don't fit one another: ${FIELD_AT.get(path)?.label ?? path} was set to ${value}.`);
  return { experiment: withFields(experiment, changes), problems: [...problems, ...said] };
}

/** @param {string} problem @returns {Link} */
function refused(problem) {
  const opening = decodeShort(OPENING_HASH.slice(1));
  return { ...opening, problems: [`${problem} The opening view is shown.`] };
}

/** @param {string[]} pairs @param {Experiment} experiment @returns {LinkedView} what is unknown here is left at its default */
function viewIn(pairs, { cell }) {
  const compared = unescapePart(pairs.find((pair) => pair.startsWith(COMPARE)) ?? "").slice(COMPARE.length);
  const found = pairs.map((pair) => /^t=(\d{1,9})$/.exec(pair)?.[1]).find(Boolean);
  return { t: found ? Number(found) : null, top: TOP_VIEWS.find((view) => pairs.includes(`top=${view}`)) ?? TOP_VIEWS[0], bottom: BOTTOM_VIEWS.find((view) => pairs.includes(`bottom=${view}`)) ?? BOTTOM_VIEWS[0], side: SIDE_VIEWS.find((view) => pairs.includes(`side=${view}`)) ?? SIDE_VIEWS[0], layer: ALL_LAYERS.find((layer) => pairs.includes(`layer=${layer}`)) ?? "h", sequence: sequenceIn(pairs), compare: fittingKinds(compared.split("+"), cell), hasJacobian: pairs.includes("jacobian=1") };
}

/** Links count sequences from 1. @param {string[]} pairs @returns {import("../net/batch.js").Sequence} */
function sequenceIn(pairs) {
  if (pairs.includes("sequence=mean")) return "mean";
  const found = pairs.map((pair) => /^sequence=([1-9]\d{0,5})$/.exec(pair)?.[1]).find(Boolean);
  return found ? Number(found) - 1 : 0;
}

/** @param {string} part */
function unescapePart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * All bytes through a (de)compressor, stopping at the limit: a small hash may inflate to gigabytes.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {CompressionStream | DecompressionStream} stream
 * @param {number} limit
 * @returns {Promise<Uint8Array>}
 */
async function pump(bytes, stream, limit) {
  const writer = stream.writable.getWriter();
  // A damaged input rejects here as well as in the reader; the reader's word is the one that counts.
  writer.write(bytes).catch(() => undefined);
  writer.close().catch(() => undefined);
  const reader = stream.readable.getReader();
  /** @type {Uint8Array[]} */
  const parts = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit) {
      await reader.cancel();
      throw new RangeError("inflates past the limit");
    }
    parts.push(value);
  }
  const whole = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** @param {Uint8Array} bytes */
function toBase64Url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function fromBase64Url(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
}
