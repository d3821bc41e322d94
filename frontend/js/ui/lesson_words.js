/** Words in the prose that set a value: a pointer over them, or the focus, previews it; a press sets it. */
import { writeAttribute } from "../render/write.js";
import { readWord } from "../state/change.js";
import { isSame, valueAt } from "../state/experiment.js";

/** @typedef {import("../state/change.js").Change | import("../state/change.js").Whole | import("../state/change.js").OtherLesson} Word */

const MERGE = "lesson word";
/** A pointer on its way to elsewhere previews nothing. */
const HOVER_MS = 120;

/**
 * @param {HTMLElement} prose @param {import("../state/store.js").Store} store
 * @param {{open: (lesson: string, step?: number) => Promise<void>}} acts @param {AbortSignal} signal
 */
export function mountLessonWords(prose, store, { open }, signal) {
  /** @type {Map<Element, Word>} */
  let words = new Map();
  /** What the view was before the preview. @type {Partial<import("../state/store.js").View> | null} */
  let before = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;

  /** Reads the words that stand in the prose now. */
  async function read() {
    const links = [...prose.querySelectorAll("a[href^='#']")];
    const entries = await Promise.all(links.map(async (link) => /** @type {const} */ ([link, await readWord(link.getAttribute("href") ?? "", store.experiment.cell)])));
    words = new Map(entries);
    for (const [link, word] of words) {
      link.classList.add("word");
      writeAttribute(link, "role", word.kind === "lesson" ? "link" : "button");
      writeAttribute(link, "draggable", "false");
    }
  }

  /** @param {Word} word */
  function apply(word) {
    if (word.kind === "lesson") return;
    if (word.kind === "whole") return store.replace(word.experiment, { label: "a word of the lesson", merge: MERGE }, word.view);
    const { fields, view } = word;
    const rho = fields["recurrent.spectral_radius"];
    // What was made by hand is rescaled as it is, as the slider does it.
    const isMade = store.experiment.recurrent.edits.length > 0 || store.experiment.weights.file !== null;
    if (typeof rho === "number" && isMade) store.operate("W_hh", { op: "radius", spectral_radius: rho }, { merge: MERGE });
    else if (Object.keys(fields).length) store.edit(fields, { label: "a word of the lesson", merge: MERGE });
    store.look({ ...view, ...("t" in view ? { isPlaying: false } : {}) });
  }

  /** @param {Word} word */
  function preview(word) {
    if (word.kind === "lesson" || isSet(word)) return;
    const { view } = store;
    before = Object.fromEntries(Object.keys(word.view).map((key) => [key, view[/** @type {keyof typeof view} */ (key)]]));
    apply(word);
  }

  /** What was only looked at is as it was. */
  function release() {
    clearTimeout(waiting);
    if (!before) return;
    const view = before;
    before = null;
    store.abandon(MERGE);
    store.look(view);
  }

  /** @param {Word} word */
  function keep(word) {
    clearTimeout(waiting);
    if (word.kind === "lesson") return void open(word.lesson, word.step);
    const wasPreviewed = before !== null;
    before = null;
    if (!wasPreviewed) apply(word);
    store.endStep();
    mark();
  }

  /** @param {Word} word */
  function isSet(word) {
    if (word.kind === "lesson") return false;
    const { experiment, view } = store;
    const isShown = Object.entries(word.view).every(([key, value]) => JSON.stringify(view[/** @type {keyof typeof view} */ (key)]) === JSON.stringify(value));
    if (word.kind === "whole") return isShown && isSame(experiment, word.experiment);
    return isShown && Object.entries(word.fields).every(([path, value]) => JSON.stringify(valueAt(experiment, path)) === JSON.stringify(value));
  }

  function mark() {
    for (const [link, word] of words) if (word.kind !== "lesson") writeAttribute(link, "aria-pressed", String(before === null && isSet(word)));
  }

  /** @param {Event} event */
  const wordAt = ({ target }) => {
    const link = target instanceof Element ? target.closest("a") : null;
    return link && words.get(link);
  };
  prose.addEventListener("pointerover", (event) => {
    const word = wordAt(event);
    if (!word || event.pointerType === "touch" || before) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => preview(word), HOVER_MS);
  }, { signal });
  prose.addEventListener("pointerout", (event) => wordAt(event) && release(), { signal });
  prose.addEventListener("focusin", (event) => {
    const word = wordAt(event);
    if (word && event.target instanceof Element && event.target.matches(":focus-visible")) preview(word);
  }, { signal });
  prose.addEventListener("focusout", (event) => wordAt(event) && release(), { signal });
  prose.addEventListener("keydown", (event) => {
    const word = event.key === " " ? wordAt(event) : undefined;
    if (!word) return;
    event.preventDefault();
    keep(word);
  }, { signal });
  prose.addEventListener("click", (event) => {
    const word = wordAt(event);
    if (!word) return;
    event.preventDefault();
    keep(word);
    // Space walks the lesson, not the word that a pointer has just left.
    if (event.detail > 0 && event.target instanceof Element) event.target.closest("a")?.blur();
  }, { signal });
  signal.addEventListener("abort", () => clearTimeout(waiting), { once: true });
  return {
    read,
    mark,
    release,
    get isPreviewing() {
      return before !== null;
    },
  };
}
