/** A step as it is read: prose, question, and the way on. */
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { ICONS } from "./icons.js";

/** @typedef {import("../net/wire.js").Lesson} Lesson */
/** @typedef {import("./lesson_progress.js").Progress} Progress */

/**
 * @param {HTMLElement} element
 * @param {{forward: () => void, back: () => void, go: (step: number) => void, restore: () => void, leave: () => void, predict: (choice: number) => void}} acts
 * @param {AbortSignal} signal
 */
export function mountLessonPanel(element, acts, signal) {
  element.innerHTML = `
    <header class="lesson-head">
      <p class="lesson-section"></p>
      <h2 class="lesson-title"></h2>
      <button type="button" class="lesson-controls" aria-pressed="false" aria-label="all controls" title="every control of the network, in the place of the text">${ICONS.controls}</button>
      <button type="button" class="lesson-leave" aria-label="explore freely" title="explore freely: leaves the lesson, and what is shown stays">${ICONS.leave}</button>
    </header>
    <div class="lesson-body" tabindex="0" aria-live="polite">
      <h3 class="lesson-step-title"></h3>
      <div class="lesson-prose lesson-text"></div>
      <div class="lesson-question"></div>
    </div>
    <footer class="lesson-foot">
      <nav aria-label="steps"><button type="button" class="lesson-back" title="one step back (←)" aria-label="one step back">‹ back</button>
      <span class="lesson-count"></span><button type="button" class="lesson-restore" hidden title="takes back what was changed by hand since the step began">back to the step</button>
      <button type="button" class="lesson-forward"></button></nav>
    </footer>`;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
  const [section, title, stepTitle, text, question, count] = [".lesson-section", ".lesson-title", ".lesson-step-title", ".lesson-text", ".lesson-question", ".lesson-count"].map(find);
  const [body, restore, controls] = [find(".lesson-body"), find(".lesson-restore"), find(".lesson-controls")];
  const [back, forward] = [/** @type {HTMLButtonElement} */ (find(".lesson-back")), /** @type {HTMLButtonElement} */ (find(".lesson-forward"))];
  let drawn = "";

  element.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    if (button === forward) acts.forward();
    else if (button === back) acts.back();
    else if (button === restore) acts.restore();
    else if (button.classList.contains("lesson-leave")) acts.leave();
    else if (button === controls) showControls(document.documentElement.dataset.lesson !== "controls");
    else if (button.dataset.choice) acts.predict(Number(button.dataset.choice));
    // Space walks the lesson, not the button that a pointer has just left.
    if (event.detail > 0) button.blur();
  }, { signal });

  /** @param {boolean} isShown */
  function showControls(isShown) {
    document.documentElement.dataset.lesson = isShown ? "controls" : "text";
    writeAttribute(controls, "aria-pressed", String(isShown));
  }

  /** @param {Lesson} lesson @param {number} at the step, from 1 @param {Progress} progress */
  function draw(lesson, at, progress) {
    const step = lesson.steps[at - 1];
    if (!step || !text || !question) return;
    const mine = `${lesson.name} ${at}`;
    if (mine !== drawn) {
      drawn = mine;
      writeText(section, lesson.section);
      writeText(title, lesson.title);
      writeText(stepTitle, step.title);
      text.innerHTML = step.text; // the server has let through nothing but prose
      body.scrollTop = 0;
      showControls(false);
    }
    const isClosed = step.question !== null && !progress.hasLooked;
    const markup = step.question ? questionHtml(step.question, progress) : "";
    if (question.innerHTML !== markup) question.innerHTML = markup;
    if (step.question && progress.hasLooked) question.scrollIntoView({ block: "nearest" });
    const isLast = at === lesson.steps.length;
    writeText(count, `${at} of ${lesson.steps.length}`);
    back.disabled = at === 1;
    writeAttribute(forward, "data-leads", isLast && !isClosed ? "out" : "on");
    writeText(forward, isClosed ? "look" : isLast ? "more lessons" : "next ›");
    writeAttribute(forward, "title", isClosed ? "uncover what is covered (space)" : isLast ? "lessons and gallery (l)" : "the next step (space, →)");
  }

  return {
    draw,
    prose: body,
    /** @param {boolean} isChanged by hand */
    mark(isChanged) {
      writeHidden(restore, !isChanged);
      if (count) writeHidden(count, isChanged);
    },
  };
}

/** @param {import("../net/wire.js").Question} question @param {Progress} progress */
function questionHtml({ ask, choices, answer, after }, { prediction, hasLooked }) {
  const items = choices.map((choice, k) => {
    const isRight = hasLooked && k + 1 === answer;
    const isPredicted = k + 1 === prediction;
    const state = isRight ? "right" : hasLooked && isPredicted ? "wrong" : "";
    const word = hasLooked ? [isPredicted ? "predicted" : "", isRight ? "✓" : ""].filter(Boolean).join(" ") : "";
    return `<li><button type="button" class="lesson-choice" data-choice="${k + 1}" data-is="${state}" aria-pressed="${isPredicted}"${hasLooked ? " disabled" : ""}><kbd>${k + 1}</kbd> <span>${choice}</span>${word ? ` <small>${word}</small>` : ""}</button></li>`;
  });
  const told = hasLooked && after ? `<p class="lesson-after">${after}</p>` : "";
  return `<p class="lesson-ask">${ask}</p><ol>${items.join("")}</ol>${hasLooked ? told : '<p class="lesson-hint">Predict, then look.</p>'}`;
}
