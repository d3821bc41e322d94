/** What a class has predicted and looked at; kept with the page's place in the browser's history, so that a reload tells nothing new. */

/** @typedef {{prediction: number | null, hasLooked: boolean}} Progress  prediction: the choice, from 1 */

/** @type {Progress} */
const UNTOUCHED = Object.freeze({ prediction: null, hasLooked: false });

export function openSteps() {
  let name = "";
  /** @type {Record<number, Progress>} by step */
  let steps = {};

  function keep() {
    try {
      history.replaceState({ ...history.state, lesson: { name, steps } }, "");
    } catch {
      // A document without an address of its own has no such place: it lasts as long as the page.
    }
  }

  /** @param {number} step @param {Partial<Progress>} changes */
  function put(step, changes) {
    steps = { ...steps, [step]: { ...of(step), ...changes } };
    keep();
  }
  const of = (/** @type {number} */ step) => steps[step] ?? UNTOUCHED;

  return {
    of,
    look: (/** @type {number} */ step) => put(step, { hasLooked: true }),
    predict: (/** @type {number} */ step, /** @type {number} */ prediction) => put(step, { prediction }),
    /** A lesson anew. @param {string} lesson */
    begin(lesson) {
      [name, steps] = [lesson, {}];
      keep();
    },
    /** A lesson where it was left. @param {string} lesson */
    resume(lesson) {
      if (lesson === name) return;
      const kept = history.state?.lesson;
      [name, steps] = [lesson, kept?.name === lesson ? kept.steps : {}];
    },
  };
}
