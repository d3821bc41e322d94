/**
 * The text that is the input: a field for it, and the one gate for every change that makes other
 * tokens. The server counts them first; then the change, and the T and D that fit it, are one step.
 */
import { NoAnswer } from "../net/files.js";
import { countTokens } from "../net/tokens.js";
import { whole } from "../render/format.js";
import { writeAttribute, writeHidden, writeText } from "../render/write.js";
import { withFields } from "../state/experiment.js";
import { sizesFor } from "../state/texts.js";
import { markLive } from "./keyboard.js";

/** @typedef {import("../net/wire.js").TokenCount} TokenCount */
/** @typedef {import("../state/store.js").Step} Step */
/** @typedef {{changes: Record<string, unknown>, step: Step}} Wish */
/** @typedef {{text: string, tokens: string, count: TokenCount}} Counted */

/** What makes other tokens, or other vectors of them. */
const OF_TOKENS = Object.freeze(["input.kind", "input.text", "input.tokens", "input.embedding"]);
/** Half of a sign that takes two: no text can hold it. */
const HALF_A_SIGN = /\p{Surrogate}/gu;

/** @param {HTMLElement} group the controls it belongs to @param {import("../state/store.js").Store} store @param {AbortSignal} signal */
export function mountTextInput(group, store, signal) {
  const element = document.createElement("div");
  element.className = "field text-input";
  element.innerHTML = `<label for="text-input">text</label><textarea id="text-input" rows="2" dir="auto" autocomplete="off" spellcheck="false" aria-describedby="text-input-hint"></textarea><small class="field-hint" id="text-input-hint" role="status"></small>`;
  group.querySelector('[id="field-input-kind"]')?.closest(".field")?.after(element);
  const area = /** @type {HTMLTextAreaElement} */ (element.querySelector("textarea"));
  const hint = /** @type {HTMLElement} */ (element.querySelector("small"));
  markLive(area);
  /** The newest change whose tokens are not counted yet. @type {Wish | null} */
  let waiting = null;
  /** One that the server refused, or did not answer. @type {Wish | null} */
  let failed = null;
  let isAsking = false;
  let isOwnChange = false;
  /** The last count. @type {Counted | null} */
  let counted = null;
  /** The text that the field was last told of. */
  let told = "";

  /** Makes a change; one that makes other tokens once they are counted. @param {Record<string, unknown>} changes @param {Step} step */
  function edit(changes, step) {
    const isOfTokens = OF_TOKENS.some((path) => path in changes);
    if (!isOfTokens || withFields(store.experiment, changes).input.kind !== "text") {
      if (isOfTokens) waiting = failed = null;
      return store.edit(changes, step);
    }
    waiting = { changes, step };
    void ask();
  }

  /** One question at a time: while it is on its way only the newest change is kept. */
  async function ask() {
    if (isAsking) return;
    isAsking = true;
    while (waiting) {
      const wish = waiting;
      const { text, tokens } = withFields(store.experiment, wish.changes).input;
      const count = await countOf(text, tokens);
      // An undo came in between.
      if (!waiting) break;
      if (waiting === wish) waiting = null;
      if (!(count instanceof Error) && count.count > 0) take(wish, { text, tokens, count });
      else if (!waiting) fail(wish, count instanceof Error ? count : new Error("nothing to read: type at least one visible sign."));
    }
    isAsking = false;
    if (!failed) show();
  }

  /** @param {string} text @param {"word" | "character"} tokens @returns {Promise<TokenCount | Error>} */
  async function countOf(text, tokens) {
    if (counted?.text === text && counted.tokens === tokens) return counted.count;
    return countTokens(text, tokens).catch((problem) => (problem instanceof Error ? problem : new Error(String(problem))));
  }

  /** @param {Wish} wish @param {Counted} found */
  function take({ changes, step }, found) {
    const sizes = sizesFor(store.experiment, withFields(store.experiment, changes), found.count, counted?.count ?? null);
    counted = found;
    failed = null;
    isOwnChange = true;
    store.edit({ ...changes, ...sizes }, step);
    isOwnChange = false;
  }

  /** @param {Wish} wish @param {Error} problem */
  function fail(wish, problem) {
    failed = wish;
    writeText(hint, problem.message);
    writeAttribute(hint, "class", "field-hint field-problem");
    writeAttribute(area, "aria-invalid", "true");
    hint.scrollIntoView({ block: "nearest" });
    area.dataset.isAnswered = String(!(problem instanceof NoAnswer));
  }

  function show() {
    const { kind, text, tokens } = store.experiment.input;
    writeHidden(element, kind !== "text");
    if (kind !== "text") return;
    if (!waiting && !failed && area.value !== text) area.value = text;
    if (failed) return;
    const isKnown = counted?.text === text && counted.tokens === tokens;
    writeText(hint, counted && isKnown ? `${whole(counted.count.count)} token${counted.count.count === 1 ? "" : "s"}, ${whole(counted.count.vocabulary_size)} different` : "");
    writeAttribute(hint, "class", "field-hint");
    writeAttribute(area, "aria-invalid", "false");
    if (!isKnown) void recount(text, tokens);
  }

  /** Of a text that came with a link, or by undo: nothing else follows from its count. @param {string} text @param {"word" | "character"} tokens */
  async function recount(text, tokens) {
    if (isAsking) return;
    isAsking = true;
    const count = await countOf(text, tokens);
    isAsking = false;
    if (waiting) return ask();
    // Where there is none, the run's own refusal says why.
    if (count instanceof Error) return;
    counted = { text, tokens, count };
    show();
  }

  area.addEventListener("input", () => {
    const text = area.value.replace(HALF_A_SIGN, "\uFFFD");
    failed = null;
    edit({ "input.text": text }, { label: "text", merge: "input.text", isTyped: true });
  }, { signal });
  area.addEventListener("blur", () => {
    store.endStep();
    // What the server refuses is forgotten; what it has not answered is kept.
    if (area.dataset.isAnswered === "true") failed = null;
    show();
  }, { signal });
  store.subscribe((change) => {
    if (change !== "experiment") return;
    const { kind, text } = store.experiment.input;
    // Undo, a preset, another link: what was being typed is over.
    if (!isOwnChange && (text !== told || kind !== "text")) waiting = failed = null;
    told = text;
    show();
  }, signal);
  told = store.experiment.input.text;
  show();
  return {
    edit,
    /** The server is here again: what it has not answered is asked anew. */
    retry() {
      if (failed) waiting = failed;
      failed = null;
      if (waiting) void ask();
      else show();
    },
  };
}
