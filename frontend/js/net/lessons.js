/** Lessons as the server has them, and the links that name one. */
import { isSame } from "../state/experiment.js";
import { FIELD_NAMED } from "../state/fields.js";
import { decodeLink, encodeLink } from "../state/link.js";
import { saidOfView, writeView } from "../state/linked_view.js";

/** @typedef {import("./wire.js").Lesson} Lesson */
/** @typedef {import("./wire.js").LessonEntry} LessonEntry */
/** @typedef {import("../state/experiment.js").Experiment} Experiment */
/** @typedef {import("../state/linked_view.js").LinkedView} LinkedView */
/** What a step shows of its own. @typedef {{experiment: Experiment, view: LinkedView}} StepState */

/** @type {Map<string, Promise<Lesson>>} */
const asked = new Map();
let hasServer = true;

/** Without a server there is what came with the file. @param {Lesson | null} lesson */
export function bringLesson(lesson) {
  hasServer = false;
  if (lesson) asked.set(lesson.name, Promise.resolve(lesson));
}

/** @returns {Promise<LessonEntry[]>} */
export const lessonEntries = () => fetched("api/lessons");

/** @param {string} name @returns {Promise<Lesson>} rejects with a sentence where there is none */
export function lessonNamed(name) {
  const known = asked.get(name);
  if (known) return known;
  const lesson = fetched(`api/lessons/${encodeURIComponent(name)}`);
  asked.set(name, lesson);
  // What failed is asked for again.
  lesson.catch(() => asked.delete(name));
  return lesson;
}

/** @param {string} path */
async function fetched(path) {
  if (!hasServer) throw new Error("it is not in this file.");
  const answer = await fetch(new URL(path, document.baseURI.replace(/[?#].*$/, "")));
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message ?? `got the answer ${answer.status}`);
  return body;
}

/** The state of a step, of the last one where the lesson has fewer. @param {Lesson} lesson @param {number} step from 1 @returns {Promise<StepState>} */
export async function stepState(lesson, step) {
  const k = Math.min(step, lesson.steps.length);
  const { experiment, view } = await decodeLink(lesson.steps[k - 1]?.hash ?? "");
  return { experiment, view: { ...view, lesson: lesson.name, step: k } };
}

/** Whether a link names a lesson and says nothing of the Experiment: then it is the step's own. @param {string} hash */
function isBare(hash) {
  const text = hash.replace(/^#/, "");
  return !text.startsWith("v1.") && !text.split("&").some((pair) => FIELD_NAMED.has(pair.split("=")[0] ?? ""));
}

/**
 * What a link opens: of a lesson its step, changed as the link says.
 * @param {string} hash @returns {Promise<import("../state/link.js").Link>}
 */
export async function openLink(hash) {
  const link = await decodeLink(hash);
  const { lesson: name, step } = link.view;
  if (!name) return link;
  try {
    const lesson = await lessonNamed(name);
    if (!isBare(hash)) return { ...link, view: { ...link.view, step: Math.min(step, lesson.steps.length) } };
    const own = await stepState(lesson, step);
    const said = saidOfView(hash.replace(/^#/, "").split("&"), own.experiment.cell);
    return { ...own, view: { ...own.view, ...said, step: own.view.step }, problems: link.problems };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const opened = isBare(hash) ? await decodeLink("") : link;
    return { ...opened, view: { ...opened.view, lesson: "", step: 1 }, problems: [`The lesson can't be opened: ${reason}`] };
  }
}

/** Whether a step's own is shown, wherever the cursor stands. @param {Experiment} experiment @param {Partial<LinkedView>} view @param {StepState} own */
export function isOwn(experiment, view, own) {
  const shown = (/** @type {Partial<LinkedView>} */ { t: _, ...rest }) => JSON.stringify(writeView(rest));
  return isSame(experiment, own.experiment) && shown(view) === shown(own.view);
}

/** The hash of what is shown; of an unchanged step its name alone. @param {Experiment} experiment @param {LinkedView} view */
export async function linkTo(experiment, view) {
  if (!view.lesson || !asked.has(view.lesson)) return encodeLink(experiment, view);
  const own = await lessonNamed(view.lesson).then((lesson) => stepState(lesson, view.step), () => null);
  if (!own || !isOwn(experiment, view, own)) return encodeLink(experiment, view);
  const { t, lesson, step } = view;
  return `#${writeView({ lesson, step, ...(t === own.view.t ? {} : { t }) }).join("&")}`;
}
