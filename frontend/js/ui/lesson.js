/**
 * A lesson beside the pictures: its step follows the view, and the pictures follow the step. What a
 * question's answer stands in is covered until the class has looked.
 */
import { embed } from "../embed/options.js";
import { isOwn, lessonNamed, stepState } from "../net/lessons.js";
import { plainKey } from "./keyboard.js";
import { mountLessonPanel } from "./lesson_panel.js";
import { mountLessonWords } from "./lesson_words.js";
import { openSteps } from "./lesson_progress.js";

/** @typedef {import("../net/wire.js").Lesson} Lesson */

/**
 * @param {HTMLElement} element @param {import("../state/store.js").Store} store
 * @param {{say: (text: string) => void, onEnd: () => void}} parts  onEnd: the way on from the last step
 * @param {AbortSignal} signal
 */
export function mountLesson(element, store, { say, onEnd }, signal) {
  const root = document.documentElement;
  /** @type {Lesson | null} */
  let lesson = null;
  /** What the step shows of its own. @type {import("../net/lessons.js").StepState | null} */
  let own = null;
  let shown = "";
  let asked = 0;
  const progress = openSteps();
  const panel = mountLessonPanel(element, {
    forward: () => (isAtEnd() ? onEnd() : forward()),
    back: () => void go(store.view.step - 1),
    go: (step) => void go(step),
    restore: () => void go(store.view.step),
    leave: () => store.look({ lesson: "", step: 1 }),
    predict,
  }, signal);
  const words = mountLessonWords(panel.prose, store, { open }, signal);
  // Where all chrome is hidden the lesson stands beside what is left.
  if (embed) document.body.append(element);

  const step = () => lesson?.steps[store.view.step - 1] ?? null;
  const isClosed = () => Boolean(step()?.question) && !progress.of(store.view.step).hasLooked;
  const isAtEnd = () => !isClosed() && store.view.step >= (lesson?.steps.length ?? 0);

  /** @param {number} to from 1 */
  async function go(to) {
    if (!lesson || to < 1 || to > lesson.steps.length) return;
    const mine = ++asked;
    words.release();
    const state = await stepState(lesson, to);
    if (mine !== asked) return;
    store.replace(state.experiment, { label: `step ${to} of “${lesson.title}”` }, { ...state.view, span: null, isPlaying: false });
  }

  /** @param {string} name @param {number} [at] */
  async function open(name, at = 1) {
    const mine = ++asked;
    words.release();
    try {
      const state = await stepState(await lessonNamed(name), at);
      if (mine !== asked) return;
      progress.begin(name);
      shown = "";
      store.replace(state.experiment, { label: `lesson “${name}”` }, { ...state.view, span: null, isPlaying: false });
      show();
    } catch (error) {
      say(`The lesson can't be opened: ${error instanceof Error ? error.message : error}`);
    }
  }

  function forward() {
    if (!isClosed()) return void go(store.view.step + 1);
    progress.look(store.view.step);
    draw();
  }

  /** @param {number} choice from 1 */
  function predict(choice) {
    const question = step()?.question;
    if (!question || !isClosed() || choice > question.choices.length) return;
    progress.predict(store.view.step, choice);
    draw();
  }

  /** The lesson of the view, once it is there. */
  function show() {
    const { lesson: name, step: at } = store.view;
    if (`${name} ${at}` === shown) return mark();
    shown = `${name} ${at}`;
    if (!name) {
      [lesson, own] = [null, null];
      return draw();
    }
    const mine = shown;
    void lessonNamed(name).then(async (found) => {
      const state = await stepState(found, at);
      if (mine !== shown) return;
      [lesson, own] = [found, state];
      progress.resume(name);
      draw();
    }, () => store.look({ lesson: "", step: 1 }));
  }

  function draw() {
    const present = step();
    element.hidden = !lesson || !present;
    if (!lesson || !present) {
      for (const name of ["lesson", "covers", "look"]) delete root.dataset[name];
      return;
    }
    root.dataset.lesson ??= "text";
    root.dataset.covers = isClosed() ? present.question?.covers.join(" ") ?? "" : "";
    root.dataset.look = isClosed() ? "" : present.look.join(" ");
    panel.draw(lesson, store.view.step, progress.of(store.view.step));
    mark();
    // What is said after looking has words as well.
    void words.read().then(mark);
  }

  /** What a hand has changed can be taken back to the step's own. */
  function mark() {
    words.mark();
    panel.mark(own !== null && !words.isPreviewing && !isOwn(store.experiment, store.view, own));
  }

  store.subscribe(show, signal);
  show();

  const isOpen = () => lesson !== null && store.view.lesson !== "";
  const forwardKeys = plainKey(" ", "ArrowRight", "PageDown");
  const backKeys = plainKey("ArrowLeft", "PageUp");
  /** In a frame what a lesson has no use for goes on to the page around it. */
  const isOfUse = (/** @type {boolean} */ canMove) => isOpen() && (canMove || embed === null);
  return {
    open,
    keys: [
      { shown: "space → PageDown", does: "in a lesson: look, then on to the next step", matches: (/** @type {KeyboardEvent} */ event) => isOfUse(!isAtEnd()) && !event.shiftKey && forwardKeys(event), act: forward },
      { shown: "← PageUp", does: "in a lesson: one step back (with shift, → and ← move the cursor by ten)", matches: (/** @type {KeyboardEvent} */ event) => isOfUse(store.view.step > 1) && (event.shiftKey ? plainKey(" ")(event) : backKeys(event)), act: () => void go(store.view.step - 1) },
      { shown: "1 … 9", does: "in a lesson: the class's prediction", matches: (/** @type {KeyboardEvent} */ event) => isOpen() && isClosed() && plainKey(..."123456789")(event), act: (/** @type {KeyboardEvent} */ { key }) => predict(Number(key)) },
    ],
  };
}
