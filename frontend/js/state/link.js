/**
 * The Experiment in the URL hash. Two forms, both a difference from `{}`:
 *   #rho=1.2&H=64&T=200&phi=tanh            where every difference has a short name, and there is not much text
 *   #v1.<base64url(deflate-raw(JSON))>      otherwise
 * Either may end in `&t=84`, the cursor. A hash is foreign text: it is bounded, judged field by
 * field, and never throws.
 */
import { DEFAULT_EXPERIMENT, difference, differingFields, readDocument, valueAt, withFields } from "./experiment.js";
import { consequences } from "./forms.js";
import { FIELD_AT, FIELD_NAMED, numberIn, problemWith } from "./fields.js";
import { readView, VIEW_NAMES, writeView } from "./linked_view.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {import("./linked_view.js").LinkedView} LinkedView */
/** @typedef {{experiment: Experiment, view: LinkedView, problems: string[]}} Link */

/** The opening view, which is itself a link. */
export const OPENING_HASH = "#rho=1.03&phi=linear";

/** A hash longer than this, or one that inflates past the second, is refused unread. */
const MAX_HASH_CHARS = 200_000;
const MAX_INFLATED_BYTES = 2_000_000;
/** Of the readable form: beyond it a long text is packed, which takes a third of the room. */
const MAX_READABLE_CHARS = 1000;

/**
 * @param {Experiment} experiment
 * @param {Partial<LinkedView>} [view]
 * @returns {Promise<string>} the hash, with its "#"
 */
export async function encodeLink(experiment, view = {}) {
  const differing = differingFields(experiment);
  const cursor = writeView(view).map(escapePart);
  if (differing.every((field) => field.short)) {
    const pairs = differing.map((field) => `${field.short}=${encodeURIComponent(String(valueAt(experiment, field.path)))}`);
    // `{}` itself still needs a word: an empty hash is the opening view.
    if (pairs.length === 0) pairs.push("rho=1");
    if (pairs.join("&").length <= MAX_READABLE_CHARS) return `#${[...pairs, ...cursor].join("&")}`;
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
    return { experiment, view: readView(rest.map(unescapePart), experiment.cell), problems };
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
    const value = field.type === "choice" || field.type === "text" || Number.isNaN(number) ? raw : number;
    const problem = problemWith(field, value);
    if (problem) problems.push(`${problem} The default was taken.`);
    else changes[field.path] = value;
  }
  if ("recurrent.gain" in changes && "recurrent.spectral_radius" in changes) {
    problems.push("The link gives both rho and gain; rho was taken.");
    delete changes["recurrent.gain"];
  }
  const link = mended({ experiment: withFields(DEFAULT_EXPERIMENT, changes), problems });
  return { ...link, view: readView(text.split("&").map(unescapePart), link.experiment.cell) };
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

/** A part as people can read it: what a hash may hold stays, be it of another alphabet. @param {string} part */
const escapePart = (part) => encodeURIComponent(part).replace(/%(3D|2B|2C)/g, decodeURIComponent);

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
