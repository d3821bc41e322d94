/**
 * What a word of a lesson sets: a change such as `#rho=1.2&side=state_space`, which leaves all else
 * as it is; a packed link, which replaces everything; or another lesson.
 */
import { FIELD_NAMED, numberIn, problemWith } from "./fields.js";
import { decodeLink } from "./link.js";
import { saidOfView, VIEW_NAMES } from "./linked_view.js";

/** @typedef {import("./experiment.js").Experiment} Experiment */
/** @typedef {Partial<import("./linked_view.js").LinkedView>} ViewPart */
/**
 * @typedef {{kind: "change", fields: Record<string, unknown>, view: ViewPart}} Change
 * @typedef {{kind: "whole", experiment: Experiment, view: ViewPart}} Whole
 * @typedef {{kind: "lesson", lesson: string, step: number}} OtherLesson
 */

/** What stands instead of what: a radius and a gain exclude one another. */
const INSTEAD = Object.freeze({ "recurrent.spectral_radius": "recurrent.gain", "recurrent.gain": "recurrent.spectral_radius" });

/** @param {string} href with its "#" @param {Experiment["cell"]} cell @returns {Promise<Change | Whole | OtherLesson>} */
export async function readWord(href, cell) {
  const text = href.replace(/^#/, "");
  if (text.startsWith("v1.")) {
    const { experiment, view } = await decodeLink(href);
    const { lesson: _, step: __, ...shown } = view;
    return { kind: "whole", experiment, view: shown };
  }
  const pairs = text.split("&").map(decoded);
  const view = saidOfView(pairs, cell);
  if (view.lesson) return { kind: "lesson", lesson: view.lesson, step: view.step ?? 1 };
  return { kind: "change", fields: fieldsIn(pairs), view };
}

/** @param {readonly string[]} pairs @returns {Record<string, unknown>} dotted path → value */
function fieldsIn(pairs) {
  /** @type {Record<string, unknown>} */
  const fields = {};
  for (const pair of pairs) {
    const [name = "", raw = ""] = pair.split(/=(.*)/s, 2);
    const field = FIELD_NAMED.get(name);
    if (!field || VIEW_NAMES.includes(name)) continue;
    const number = numberIn(raw);
    const value = field.type === "choice" || field.type === "text" || Number.isNaN(number) ? raw : number;
    if (problemWith(field, value)) continue; // the server has judged it when it read the lesson
    const other = INSTEAD[/** @type {keyof typeof INSTEAD} */ (field.path)];
    Object.assign(fields, { [field.path]: value }, other ? { [other]: null } : {});
  }
  return fields;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
